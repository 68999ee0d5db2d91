import { ServiceError } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { loadDocument } from '../../src/http/openapi/document.ts'
import { refusalOf, routeRefusal } from '../../src/http/errors.ts'
import {
  fieldErrors,
  inPart,
  Refusal,
  shown,
  toProblem,
  wrongField,
  wrongPlaces,
} from '../../src/http/problems.ts'
import { requestValidator, valueCheck } from '../../src/http/validation.ts'

const document = loadDocument()
const check = valueCheck(document, 'TaskRequest')

test('a problem has the members of RFC 9457, a stable code and a detail that says what to do', () => {
  expect(toProblem(new Refusal('log-full', 'Send the request again later.'))).toEqual({
    type: 'urn:agentfleet:problem:log-full',
    title: 'The log has no room for new tasks',
    status: 503,
    detail: 'Send the request again later.',
    code: 'log-full',
  })
})

test('a refusal of the task in a schedule names the fields as the body of the schedule has them', () => {
  expect(toProblem(inPart('/task', wrongField('/context', 'has too many levels')))).toMatchObject({
    code: 'invalid-request',
    detail: 'Correct the request: /task/context has too many levels.',
    errors: [{ pointer: '/task/context', detail: 'has too many levels' }],
  })
  expect(inPart('/task', new Refusal('overloaded', 'Wait.')).errors).toBeUndefined()
})

test('a problem has a retry time only if repeating the request can help', () => {
  expect(new Refusal('overloaded', 'x').retryAfterMs).toBe(1_000)
  expect(new Refusal('idempotency-key-reused', 'x').retryAfterMs).toBeUndefined()
})

test('the JSON pointer of an unknown field contains the escaped name of the field', () => {
  const place = {
    instancePath: '/tasks/0',
    keyword: 'additionalProperties',
    params: { additionalProperty: 'a/b~c' },
  }
  expect(fieldErrors([place], 'body')[0]?.pointer).toBe('/tasks/0/a~1b~0c')
})

test('a name that is too long is the place of the error, and the answer has only its beginning', () => {
  const long = 'k'.repeat(100_000)
  const start = `${long.slice(0, 200)}…`
  expect(check({ task: 'x', metadata: { [long]: 'v' } })).toEqual([
    { pointer: `/metadata/${start}`, detail: 'is a name that must have at most 64 characters' },
  ])
  const [unknown] = check({ task: 'x', [long]: 1 }) ?? []
  expect(unknown?.pointer).toBe(`/${start}`)
})

test('the error detail about a value of a wrong size says what the size must be', () => {
  const detail = (keyword: string, limit: number) =>
    fieldErrors([{ instancePath: '/task', keyword, params: { limit } }], 'body')[0]?.detail
  expect(detail('minLength', 1)).toBe('must have at least 1 character')
  expect(detail('maxItems', 1000)).toBe('must have at most 1000 items')
  expect(detail('minProperties', 1)).toBe('must have at least 1 field')
})

test('the pointer of an error outside the body begins with the part of the request, such as `query`', () => {
  const place = { instancePath: '/limit', keyword: 'minimum', message: 'must be >= 1' }
  expect(fieldErrors([place], 'querystring')).toEqual([
    { pointer: 'query/limit', detail: 'must be >= 1' },
  ])
})

test('the failure of a server that the gateway needs becomes 503, and any other error becomes 500 without its message', () => {
  expect(refusalOf(new ServiceError('bus-timeout', 'x')).code).toBe('bus-unavailable')
  const refused = refusalOf(new ServiceError('store-unavailable', 'Redis refuses a command'))
  expect(refused.code).toBe('store-unavailable')
  expect(refused.message).toContain('Redis refuses a command. Lists and usage')
  const refusal = refusalOf(new TypeError('secret of the inside'))
  expect(refusal.code).toBe('internal')
  expect(refusal.message).not.toContain('secret')
})

test('an error about a value with two allowed forms lists both forms', () => {
  const place = { instancePath: '/createdAfter' }
  const places = [
    { ...place, keyword: 'format', params: { format: 'date-time' } },
    { ...place, keyword: 'format', params: { format: 'date' } },
    { ...place, keyword: 'anyOf' },
  ]
  expect(fieldErrors(places, 'body')).toEqual([
    {
      pointer: '/createdAfter',
      detail:
        'must be a time with a time zone, such as 2026-01-31T12:00:00Z, or must be a day such as 2026-01-31',
    },
  ])
})

test('a reference to a task that has the wrong form gets an error in words, not a pattern', () => {
  expect(check({ task: 'x', dependsOn: ['the-first'] })).toEqual([
    {
      pointer: '/dependsOn/0',
      detail: 'must be the id of a task or, in a batch, # and the position of an earlier task',
    },
  ])
})

test('the error about a value of a wrong form says in words what fits, for every pattern of openapi.yaml', () => {
  const patterns = new Set<string>()
  JSON.stringify(document, (name, value: unknown) => {
    if (name === 'pattern' && typeof value === 'string') patterns.add(value)
    return value
  })
  expect(patterns.size).toBeGreaterThan(10)
  for (const pattern of patterns) {
    const place = { instancePath: '/id', keyword: 'pattern', params: { pattern } }
    const [error] = fieldErrors(
      [{ ...place, message: `must match pattern "${pattern}"` }],
      'params',
    )
    expect([pattern, error?.detail]).toEqual([pattern, expect.stringMatching(/^must (be|have) /)])
    expect(error?.detail).not.toContain(pattern)
  }
})

test('an error about a misspelt field names the misspelt field together with the required field that is missing', () => {
  expect(check({ tsk: 'x', agnet: 'writer', colour: 1 })).toEqual([
    { pointer: '/tsk', detail: 'is not a known field (did you mean "task"?)' },
    { pointer: '/agnet', detail: 'is not a known field (did you mean "agent"?)' },
    { pointer: '/colour', detail: expect.stringMatching(/\(the known names are .*task/) },
    { pointer: '/task', detail: 'is required' },
  ])
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`field-${at}`, at]))
  expect(check({ task: 'x', ...many })).toHaveLength(10)
})

test('the error about a value that is not allowed names the allowed value that is most similar', () => {
  expect(check({ task: 'x', priority: 'hihg' })).toEqual([
    { pointer: '/priority', detail: expect.stringMatching(/\(did you mean "high"\?\)$/) },
  ])
})

/** The error of a request without a route, and the methods in its header. */
function withoutRoute(method: string, url: string) {
  let allow: unknown
  const reply = { header: (_name: string, value: unknown) => (allow = value) }
  const refusal = routeRefusal(document.paths, { method, url }, reply as never)
  return { code: refusal.code, detail: refusal.message, allow }
}
const detail = (method: string, url: string) => withoutRoute(method, url).detail

test('a request with an unknown path or method gets an error with a similar path or with the methods of the path', () => {
  expect(detail('GET', '/v1/task?limit=1')).toMatch(/^Did you mean \/v1\/tasks\? /)
  expect(detail('POST', '/v1/tasks/abc/cancl')).toMatch(/^Did you mean \/v1\/tasks\/abc\/cancel\? /)
  expect(detail('GET', '/v1/tasks/')).toMatch(/^Did you mean \/v1\/tasks\? /)
  expect(detail('POST', '/v1/schedules')).toMatch(
    /^\/v1\/schedules accepts GET, HEAD, and not POST. /,
  )
  expect(detail('GET', '/somewhere/else')).toMatch(/^GET \/openapi.json lists/)
})

test.each([
  ['DELETE', '/v1/tasks?limit=1', 'POST, GET, HEAD'],
  ['PATCH', '/v1/agents/x', 'GET, HEAD, PUT, DELETE'],
  ['PROPFIND', '/v1/t%61sks', 'POST, GET, HEAD'],
  ['GET', '/v1/tasks:batch', 'POST'],
  ['TRACE', '/v1/tasks/%2F', 'GET, HEAD'],
  ['POST', '/console/tasks/x', 'GET, HEAD'],
])('%s %s is refused with the methods of the path', (method, url, allow) => {
  expect(withoutRoute(method, url)).toMatchObject({ code: 'method-not-allowed', allow })
})

test.each(['/', '/v1', '/v1/%', '/v1/agents//versions', '/consoles', '/v1/tasks/'])(
  'the unknown path %s is not refused because of its method',
  (url) => {
    expect(withoutRoute('PROPFIND', url)).toMatchObject({ code: 'path-not-found' })
    expect(withoutRoute('PROPFIND', url).allow).toBeUndefined()
  },
)

test('an error repeats at most 200 characters of each text of the caller', () => {
  const long = 'k'.repeat(9_000)
  const name = `${long.slice(0, 200)}…`
  const path = `/v1/tasks/${long}`
  const refused = detail('PATCH', path)
  expect(refused).toMatch(
    new RegExp(`^${path.slice(0, 200)}… accepts GET, HEAD, and not PATCH\\. `),
  )
  expect(detail('GET', `/${long}`)).not.toContain(long.slice(0, 201))
  // The name of the caller is in the middle of the pointer.
  expect(
    check({ task: 'x', metadata: { [`a/~${long}`]: 1 } })?.map(({ pointer }) => pointer),
  ).toEqual([`/metadata/a~1~0${long.slice(0, 197)}…`])
  expect(shown(['short', long])).toBe(`short, ${name}`)
})

test('an error about very many places names 20 of them in its sentence and all of them in its list', () => {
  const places = Array.from({ length: 90 }, (_, at) => ({ pointer: `/${at}`, detail: 'is wrong' }))
  const problem = toProblem(wrongPlaces(places))
  expect(problem.detail).toMatch(/; \/19 is wrong; and 70 more places\.$/)
  expect(problem.errors).toHaveLength(90)
})

test('in a small body every wrong field is found, and in a large body only the first one', () => {
  const schema = {
    type: 'object',
    required: ['a', 'b'],
    properties: {
      model: { type: 'string', minLength: 1 },
      attempts: { type: 'integer', minimum: 1 },
      budget: { type: 'object', properties: { usd: { type: 'number', exclusiveMinimum: 0 } } },
      numbers: { type: 'array', items: { type: 'integer' } },
    },
  }
  const place = { schema, httpPart: 'body', method: 'POST', url: '/' } as const
  const validate = requestValidator()(place) as {
    (body: unknown): boolean
    errors?: Parameters<typeof fieldErrors>[0]
  }
  const wrong = { model: '', attempts: 0, budget: { usd: 0 } }
  expect(validate(wrong)).toBe(false)
  const found = fieldErrors(validate.errors ?? [], 'body').map(({ pointer }) => pointer)
  expect(found.toSorted()).toEqual(['/a', '/attempts', '/b', '/budget/usd', '/model'])
  const numbers = Array.from({ length: 101 }, () => 1)
  const large = { ...wrong, a: 1, b: 1, numbers }
  expect(validate(large)).toBe(false)
  expect(validate.errors).toHaveLength(1)
  expect(validate({ a: 1, b: 1, numbers })).toBe(true)
})

const COUNTED = {
  type: 'object',
  properties: { limit: { type: 'integer', minimum: -1, maximum: 100 } },
}

test.each([
  ['0', true],
  ['-1', true],
  ['100', true],
  ['007', true],
  ['101', false],
  ['9007199254740993', false],
  ['1e2', false],
  ['1e400', false],
  ['0x10', false],
  ['0b11', false],
  ['5.0', false],
  ['5.', false],
  ['+5', false],
  [' 5', false],
  ['5 ', false],
  ['\n5', false],
  ['５', false],
  ['', false],
  ['true', false],
])('an integer in a query or a path is written in digits: %j is accepted: %j', (text, accepted) => {
  for (const httpPart of ['querystring', 'params']) {
    const place = { schema: COUNTED, httpPart, method: 'GET', url: '/' }
    const validate = requestValidator()(place) as unknown as (value: unknown) => boolean
    const values = { limit: text }
    expect(validate(values), httpPart).toBe(accepted)
    if (accepted) expect(values, httpPart).toEqual({ limit: Number(text) })
  }
})

test('a list with the same item twice is refused in words, with the places of both', () => {
  expect(check({ task: 'x', tools: ['a', 'b', 'a'] })).toEqual([
    { pointer: '/tools', detail: 'must not have the same item twice (items 0 and 2 are the same)' },
  ])
})
