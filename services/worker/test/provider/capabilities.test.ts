import { describe, expect, test } from 'vitest'
import { FULL_CAPABILITIES } from '../../src/provider/request/capabilities.ts'
import { complaintOf } from '../../src/provider/request/complaint.ts'
import { readRefusal } from '../../src/provider/errors.ts'
import { learnRefusal } from '../../src/provider/request/refusal.ts'
import { SENT_FIELDS } from './sent.ts'

/** Refusals as endpoints write them, and what the worker learns from them; a new one is one row. */

/** A request whose messages name fields of requests. */
const SENT = {
  ...SENT_FIELDS,
  hasToolCalls: false,
  contents: [
    'You may use tools.',
    'Which tools does an agent need, and what is response_format for?',
    'tools',
  ],
}

describe('a node does not learn from a refusal', () => {
  test.each<[string, number, string, object?]>([
    [
      'about a prompt that is too long',
      400,
      "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages, 500 in the functions, and 500 in the completion). Please reduce the length of the messages, tools, or completion.",
      { code: 'context_length_exceeded' },
    ],
    [
      'about a prompt that is too long, of Anthropic',
      400,
      'prompt is too long: 210000 tokens > 200000 maximum (system, tools and messages)',
      { type: 'invalid_request_error' },
    ],
    [
      'about a value out of range',
      400,
      "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
      { param: 'temperature', code: 'decimal_above_max_value' },
    ],
    [
      'about a list that is too long',
      400,
      "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 9 instead.",
      { param: 'stop', code: 'array_above_max_length' },
    ],
    [
      'about a model that is not there',
      404,
      'The model `tools-1` does not exist or you do not have access to it.',
      { code: 'model_not_found' },
    ],
    ['about a model that is unknown', 400, 'Unknown model: gpt-9'],
    [
      'about a message, repeating it',
      400,
      "messages[1]: 'Which tools does an agent need, and what is response_format for?' is blocked here",
    ],
    [
      'about a message, repeating its beginning',
      400,
      'blocked by a rule: "Which tools does an agent need..."',
    ],
    ['about a message, repeating a short one', 400, "the message 'tools' is blocked here"],
    [
      'about a message, as a validation in Python',
      400,
      "[{'type': 'string_type', 'loc': ('body', 'messages', 1), 'msg': 'Input should be a valid string', 'input': {'tools': [], 'response_format': None}}]",
    ],
    [
      'about a call that the model wrote wrong',
      400,
      "Failed to parse it. See 'failed_generation' for more details.",
      { failed_generation: '{"tools":' },
    ],
    ['of a provider in trouble', 500, 'The server had an error while processing tools'],
    ['of a provider that is overloaded', 503, 'stream_options is not supported while overloaded'],
    ['for its rate', 429, 'Unsupported rate of tools'],
    ['of a key', 401, 'tools are not supported for this key'],
  ])('%s', (_title, status, message, more = {}) => {
    const error = readRefusal(status, JSON.stringify({ error: { message, ...more } }))
    expect(learnRefusal(FULL_CAPABILITIES, error, SENT)).toBeUndefined()
  })

  test('about a message, as a validation with its value', () => {
    const detail = {
      type: 'string_type',
      loc: ['body', 'messages', 1, 'content'],
      msg: 'Input should be a valid string',
      input: { tools: [], stream_options: {} },
    }
    const error = readRefusal(422, JSON.stringify({ detail: [detail] }))
    expect(learnRefusal(FULL_CAPABILITIES, error, SENT)).toBeUndefined()
  })

  test('that repeats the words of the prompt, no matter where in the refusal', () => {
    const message = 'bad: which tools does an agent need, said'
    const error = { status: 400, message, param: undefined, code: undefined }
    expect(complaintOf(error, ['which tools does an agent need'])).toBe('bad said')
  })
})

describe('a long refusal of a provider', () => {
  test('is compared with the prompt in a time that is at most linear in the lengths of both', () => {
    const learn = (repeats: number): number => {
      const message = 'tools response_format json '.repeat(repeats)
      const error = { status: 400, message, param: undefined, code: undefined }
      const before = process.cpuUsage()
      learnRefusal(FULL_CAPABILITIES, error, { ...SENT, contents: [message.repeat(10)] })
      return process.cpuUsage(before).user
    }
    const best = (repeats: number): number => Math.min(...[1, 2, 3].map(() => learn(repeats)))
    // 4 where the time is linear, 16 where it is quadratic.
    expect(best(2_000) / best(500)).toBeLessThan(10)
  })
})
