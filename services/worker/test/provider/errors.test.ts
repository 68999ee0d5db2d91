import { describe, expect, test } from 'vitest'
import { readRefusal } from '../../src/provider/errors.ts'
import { delta, DONE, event, failureOf, read } from './answers.ts'

/** The errors of providers in all their forms; a new one is one row. */

const TEXT = delta({ content: 'The answer is 42.' })

describe('an error in the body of an answer with status 200', () => {
  test.each<[string, unknown, object]>([
    [
      'an error within its message',
      { error: { message: '{"error":{"code":429,"message":"slow down"}}', code: null } },
      { kind: 'status', status: 429, message: 'slow down' },
    ],
    [
      'an error within the message of a gateway',
      { error: { message: 'upstream said: {"error":{"code":400,"message":"too long"}}' } },
      { kind: 'status', status: 400, message: 'upstream said: too long' },
    ],
    [
      'what the provider behind it said',
      {
        error: {
          message: 'Provider returned error',
          code: 429,
          metadata: { raw: 'busy upstream' },
        },
      },
      { kind: 'status', status: 429, message: 'Provider returned error: busy upstream' },
    ],
    [
      "Google's form with a pause",
      { error: { code: 429, message: 'x', details: [{ retryDelay: '34s' }] } },
      { kind: 'status', status: 429, retryAfterMs: 34_000 },
    ],
    [
      'a sentence with a pause',
      { error: { code: 429, message: 'Please try again in 6.5s.' } },
      { kind: 'status', status: 429, retryAfterMs: 6_500 },
    ],
    [
      'a sentence with a pause in parts',
      { error: { code: 429, message: 'Please try again in 1m2.5s. Thank you' } },
      { kind: 'status', status: 429, retryAfterMs: 62_500 },
    ],
  ])('is classified like an HTTP error when it is sent as %s', (_title, value, failure) => {
    expect(read([event(value), DONE]).answer).toMatchObject({ kind: 'failed', failure })
    expect(read([JSON.stringify(value)]).answer).toMatchObject({ kind: 'failed', failure })
  })

  test.each<[string, string, object]>([
    [
      'an object without the word error',
      'event: error\ndata: {"code":429,"text":"x"}\n\n',
      { status: 429 },
    ],
    [
      'a sentence',
      'event: error\ndata: Rate limit exceeded\n\n',
      { status: 429, message: 'Rate limit exceeded' },
    ],
    ['a line without a field name', '{"error":{"code":503,"message":"x"}}\n', { status: 503 }],
  ])(
    'is classified like an HTTP error when it is sent as an event with %s',
    (_title, text, failure) => {
      expect(read([`${TEXT}${text}`, DONE]).answer).toMatchObject({ kind: 'failed', failure })
    },
  )

  test('is classified within milliseconds even if its text is long and hostile', () => {
    const before = process.cpuUsage()
    for (const piece of ['//a:', '<', '<script', '-eyJa', 'thinking ']) {
      const message = piece.repeat(60_000 / piece.length)
      readRefusal(400, message)
      failureOf(400, message)
    }
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000)
  })

  test.each<[string, string, object]>([
    [
      'of a model in an organization',
      'Rate limit reached for gpt-x in organization org-1 on tokens per day (TPD): Limit 100. Please try again in 20s. Please add a payment method to your account, see https://platform.example/account/billing',
      { status: 429, retryAfterMs: 20_000, wholeKey: undefined },
    ],
    [
      'of a model of Gemini',
      'You exceeded your current quota, please check your plan and billing details. Quota: requests, model: gemini-x. Please retry in 34.07s.',
      { status: 429, retryAfterMs: 34_070, wholeKey: undefined },
    ],
    [
      'of some models a day',
      'Rate limit exceeded: free-models-per-day. Please try again in 20s.',
      { status: 429, retryAfterMs: 20_000, wholeKey: undefined },
    ],
    [
      'of the account for a stated time',
      "This request would exceed your account's rate limit. Please try again in 20s.",
      { status: 429, retryAfterMs: 20_000, wholeKey: true },
    ],
    [
      'of the account for an unknown time',
      "This request would exceed your account's rate limit. Please try again later.",
      { status: 429, wholeKey: undefined },
    ],
  ])(
    'closes its model or its key when its text reports a limit %s',
    (_title, message, expected) => {
      const failure = failureOf(429, message, message.includes('Gemini') ? null : 429)
      expect({ retryAfterMs: undefined, wholeKey: undefined, ...failure }).toMatchObject(expected)
    },
  )

  test.each([
    'Incorrect API key provided: github_pat_0123456789abcdefghij',
    'Incorrect API key provided: hunter2*****efgh',
    'the upstream refused x-goog-api-key: hunter2efgh',
    'cannot connect to https://hunter2efgh@api.example/v1',
    'GET https://api.example/v1?key=hunter2efgh failed',
  ])('leads to a failure without a secret of another form: %s', (message) => {
    const { answer } = read([event({ error: { message, code: 401 } })], {})
    expect(answer.kind).toBe('failed')
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|efgh/)
  })

  test('leads to a failure whose message contains no API key', () => {
    const message = 'Incorrect API key provided: sk-secret1234567890, or my-own-key'
    const { answer } = read([event({ error: { message, code: 401 } })], { key: 'my-own-key' })
    expect(JSON.stringify(answer)).not.toMatch(/sk-secret|my-own-key/)
  })

  test.each([
    ['in a refusal', { delta: { refusal: 'no, my-own-key' }, finish_reason: 'stop' }],
    ['as its reason to end', { delta: { content: 'x' }, finish_reason: 'my-own-key' }],
    ['as its reason to say nothing', { delta: {}, finish_reason: 'sk-secret1234567890' }],
  ])('leads to a failure that contains no API key %s', (_where, choice) => {
    const { answer } = read([event({ choices: [{ index: 0, ...choice }] }), 'data: [DONE]\n\n'], {
      key: 'my-own-key',
    })
    expect(answer.kind).toBe('failed')
    expect(JSON.stringify(answer)).not.toMatch(/sk-secret|my-own-key/)
  })
})

test.each<[number | string, unknown]>([
  [502, { error: { message: 'upstream overloaded', code: 502 } }],
  [429, { error: { message: 'slow down', code: '429' } }],
  [
    400,
    { error: { message: 'x', code: 'context_length_exceeded', type: 'invalid_request_error' } },
  ],
  [429, { error: { message: 'x', type: 'rate_limit_error' } }],
  [503, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }],
  [400, { object: 'error', message: 'too long', code: 400 }],
  [429, [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x' } }]],
  [429, { detail: 'rate limit reached' }],
  [503, { error: 'model is overloaded, try again later' }],
  [402, { error: { message: 'x', code: 'insufficient_quota' } }],
  ['withheld', { error: { message: 'x', code: 'content_filter' } }],
  [502, { error: {} }],
  [502, { error: { message: 'x', code: null, type: null } }],
  [
    502,
    {
      error: { code: 502, message: 'x' },
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
    },
  ],
  [429, { code: 'rate_limit_exceeded', message: 'slow down' }],
  [429, { base_resp: { status_code: 1002, status_msg: 'rate limit' } }],
  [429, { error: ['rate limit exceeded'] }],
  [429, { error: { error: { error: { message: 'deep', code: 429 } } } }],
  [429, { detail: { error: { message: 'slow down', code: 429 } } }],
  [429, { code: 1302, message: 'rate limit' }],
  [429, { __type: 'ThrottlingException', message: 'Too many requests' }],
  [429, { title: 'Too Many Requests', status: 429, detail: 'slow down' }],
  [429, { statusCode: 429, message: 'Try again in 2 seconds.' }],
  [429, { Error: { message: 'slow down', code: 429 } }],
  [429, { errorMessage: 'rate limit exceeded' }],
  [429, { errorCode: 'Throttling', errorMessage: 'x' }],
  [402, { code: '1113', message: 'Insufficient balance or no resource package' }],
  [400, { detail: [{ loc: ['body', 'x'], msg: 'field required', type: 'value_error.missing' }] }],
  [400, { detail: [{ loc: ['body', 'x'], msg: 'Field required', type: 'missing' }] }],
  [503, { error: { message: 'The model is currently loading', type: 'Model_not_ready' } }],
  [504, { error: { message: 'x', code: 'ETIMEDOUT' } }],
  [408, { error: { message: 'x', code: 408 } }],
  [425, { error: { message: 'x', code: 425 } }],
  [499, { error: { message: 'x', code: 499 } }],
  [529, { error: { message: 'x', code: 529 } }],
  [502, { error: { message: null } }],
  [502, { error: true }],
  [502, { error: { message: 'x', code: 200 } }],
  [502, { success: false, message: 'bad' }],
  [503, { error: 'Model is overloaded', error_type: 'overloaded' }],
  [400, { error: 'Input validation error', error_type: 'validation' }],
  [429, { throttlingException: { message: 'x' } }],
  [503, { modelStreamErrorException: { message: 'x', originalStatusCode: 503 } }],
  [502, { internalServerException: { message: 'x' } }],
  [401, { success: false, errors: [{ code: 10000, message: 'Authentication error' }] }],
  [429, { error_code: 18, error_msg: 'Open api qps request limit reached' }],
  [429, { error: { code: '1302', message: '您的账户已达到速率限制' } }],
  [402, { error: { code: 'invalid_request_error', message: 'Insufficient Balance' } }],
  [503, { code: 14, message: 'unavailable', details: [] }],
  [503, { type: 'about:blank', title: 'Service Unavailable', status: 503 }],
  [502, { Message: 'Forbidden' }],
  [429, { choices: [{ index: 0, error: { code: 429, message: 'x' }, finish_reason: 'error' }] }],
  [503, { choices: [{ index: 0, delta: { error: { code: 503, message: 'x' } } }] }],
  [503, { choices: [{ index: 0, message: { error: { code: 503, message: 'x' } } }] }],
  [429, { data: { error: { code: 429, message: 'x' } } }],
  [429, { type: 'failed', response: { error: { code: 'rate_limit_exceeded', message: 'x' } } }],
  [429, [[{ error: { code: 429, message: 'x' } }]]],
  [429, { error: { message: 'x', status: '429 Too Many Requests' } }],
  [429, { error: { message: 'x', http_status: 429 } }],
  [429, { error: { message: 'x', httpCode: '429' } }],
  [502, JSON.parse('{"error":{"__proto__":{"code":429},"constructor":{"x":1},"message":"x"}}')],
  ['withheld', { error: { message: 'x', code: 'data_inspection_failed' } }],
  ['withheld', { error: { message: 'x', code: 'DataInspectionFailed' } }],
  ['withheld', { error: { message: 'x', code: 'sensitive_words_detected' } }],
  ['withheld', { error: { message: 'x', code: 'ResponsibleAIPolicyViolation' } }],
  ['withheld', { error: { message: 'Input data may contain inappropriate content.' } }],
])('an error is classified as %s when the provider sends it in the form %j', (expected, value) => {
  for (const pieces of [[event(value), DONE], [JSON.stringify(value)]]) {
    const { answer } = read(pieces)
    const failure = answer.kind === 'failed' ? answer.failure : undefined
    expect(failure?.kind === 'status' ? failure.status : failure?.kind).toBe(expected)
  }
})

test.each<[number, string]>([
  [429, 'event: exception\ndata: {"message":"rate limit exceeded"}\n\n'],
  [429, 'event: Error\ndata: rate limit exceeded\n\n'],
  [429, 'data: error: rate limit exceeded\n\n'],
  [429, 'data: error: {"error":{"message":"slow down","code":429}}\n\n'],
  [429, 'data: [ERROR] rate limit exceeded\n\n'],
  [429, 'data: Rate limit exceeded\n\n'],
  [429, 'error: rate limit exceeded\n\n'],
  [429, 'error: {"message":"rate limit exceeded"}\n\n'],
  [502, 'event: error\ndata:\n\n'],
  [502, 'event: failed\ndata: {"x":1}\n\n'],
])(
  'an error is classified as status %i when the provider sends it as the bytes %j',
  (status, body) => {
    for (const pieces of [[body], [TEXT, body]]) {
      expect(read(pieces).answer).toMatchObject({ failure: { kind: 'status', status } })
    }
  },
)

test.each<[string, number | undefined]>([
  ['Please retry in 34.074824224s.', 34_075],
  ['try again in 500 milliseconds', 500],
  ['Try again in 2 minutes', 120_000],
  ['Please try again in 1m2.5s. Thank you', 62_500],
  ['Please wait 5 seconds', 5_000],
  ['Rate limit resets in 12s', 12_000],
  ['Expected available in 3 sec.', 3_000],
  ['retry after 5 days', 300_000],
  ['try again in 2 hours', 300_000],
  ['try again in an hour', undefined],
  ['try again in 5 movies', undefined],
])('the pause that a provider asks for in the sentence %j is read as %s ms', (message, waitMs) => {
  const failure = failureOf(429, message)
  expect(failure).toMatchObject({ status: 429 })
  expect('retryAfterMs' in failure ? failure.retryAfterMs : undefined).toBe(waitMs)
})

test.each([
  'data: {"error":{"message":"too long","code":"context_length_exceeded"}}\n\n',
  'event: error\ndata: {"error":{"message":"too long","code":"context_length_exceeded"}}\n\n',
  '\uFEFF{"error":{"message":"too long","code":"context_length_exceeded"}}',
])('a refusal is read from the body %j', (body) => {
  expect(readRefusal(400, body)).toMatchObject({
    message: 'too long',
    code: 'context_length_exceeded',
  })
})
