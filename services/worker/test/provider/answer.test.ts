import { describe, expect, test } from 'vitest'
import { delta, DONE, event, GOOD, read, usage, USAGE } from './answers.ts'

/** The table of what providers send, by kind; a new quirk is one row. */

const OK = 'The answer is 42.'
const TEXT = delta({ content: OK })
const STOP = delta({}, 'stop')

describe('an answer is whole', () => {
  test.each<[string, string]>([
    ['as the documentation shows it', GOOD],
    ['without [DONE]', GOOD.replace(DONE, '')],
    ['with [DONE] and no finish reason', `${TEXT}${usage()}${DONE}`],
    [
      'with an empty finish reason before the real one',
      `${delta({ content: OK }, '')}${STOP}${usage()}${DONE}`,
    ],
    [
      'with a finish reason before its text',
      `${delta({ content: '' }, 'stop')}${TEXT}${STOP}${usage()}${DONE}`,
    ],
    [
      'behind an error event that follows the end',
      `${TEXT}${STOP}${usage()}${event({ error: { message: 'late' } })}`,
    ],
    ['with empty events as signs of life', `data:\n\ndata: \n\n${GOOD}`],
    ['with a chunk whose choices are null', `${event({ choices: null })}${GOOD}`],
    [
      'with a choice that has no delta',
      `${TEXT}${event({ choices: [{ index: 0, finish_reason: null, content_filter_offsets: {} }] })}${STOP}${usage()}${DONE}`,
    ],
    [
      'beside a second choice',
      `${event({ choices: [{ index: 1, delta: { content: 'NOISE' } }] })}${GOOD}`,
    ],
    [
      'with text as parts, thinking left out',
      `${delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] })}${delta({ content: [{ type: 'text', text: 'The answer' }] })}${delta({ content: ' is 42.' })}${STOP}${usage()}${DONE}`,
    ],
    [
      'with reasoning beside it',
      `${delta({ reasoning_content: 'six times seven' })}${delta({ reasoning: 'more' })}${GOOD}`,
    ],
    ['with the finish reason in capitals', `${TEXT}${delta({}, 'STOP')}${usage()}${DONE}`],
    ['with the finish reason of another maker', `${TEXT}${delta({}, 'end_turn')}${usage()}${DONE}`],
    ['as one chunk', delta({ content: OK }, 'stop', { usage: USAGE })],
    [
      'as one JSON object in place of a stream',
      JSON.stringify({
        choices: [{ index: 0, message: { role: 'assistant', content: OK }, finish_reason: 'stop' }],
        usage: USAGE,
      }),
    ],
    [
      'as one JSON object a line',
      `${JSON.stringify({ choices: [{ index: 0, delta: { content: OK } }] })}\n${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: USAGE })}\n`,
    ],
    [
      'closed by the whole message once more',
      `${TEXT}${event({ choices: [{ index: 0, message: { content: OK }, finish_reason: 'stop' }], usage: USAGE })}${DONE}`,
    ],
    ['with finish tool_calls and text alone', `${TEXT}${delta({}, 'tool_calls')}${usage()}${DONE}`],
  ])('%s', (_title, body) => {
    const { answer, text, begun } = read([body])
    expect(answer).toEqual({
      kind: 'answered',
      answer: { text: OK, toolCalls: [] },
      usage: { inputTokens: 11, outputTokens: 7, llmCalls: 1 },
    })
    expect(text).toBe(OK)
    expect(begun).toBe(1)
  })

  test.each<[string, string, string]>([
    [
      'half a character in each of two chunks',
      `data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\ndata: {"choices":[{"delta":{"content":"\\ude80 42"}}]}\n\n`,
      '🚀 42',
    ],
    [
      'half a character alone',
      `data: {"choices":[{"delta":{"content":"a\\ud83db"}}]}\n\n`,
      'a\uFFFDb',
    ],
    [
      'half a character at its end',
      `data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n`,
      'a\uFFFD',
    ],
  ])('with %s, and what was handed on is its text', (_title, start, expected) => {
    const { answer, text } = read([`${start}${STOP}${usage()}${DONE}`])
    expect(answer).toMatchObject({ kind: 'answered', answer: { text: expected } })
    expect(text).toBe(expected)
  })
})

describe('an answer is a failure with a code, never an unmarked success', () => {
  test.each<[string, string, object]>([
    [
      'when it is empty',
      `${delta({ content: '' })}${STOP}${usage()}${DONE}`,
      { kind: 'empty-answer' },
    ],
    [
      'when it has blanks alone',
      `${delta({ content: ' \n ' })}${STOP}${usage()}${DONE}`,
      { kind: 'empty-answer' },
    ],
    [
      'when it announces tool calls and has none',
      `${delta({}, 'tool_calls')}${usage()}${DONE}`,
      { kind: 'empty-answer' },
    ],
    [
      'when reasoning used up its tokens',
      `${delta({ reasoning_content: 'hmm' })}${delta({}, 'length')}${DONE}`,
      { kind: 'answer-cut' },
    ],
    ['when it was cut by length', `${TEXT}${delta({}, 'length')}${DONE}`, { kind: 'answer-cut' }],
    [
      'when it was cut under another name',
      `${TEXT}${delta({}, 'MAX_TOKENS')}${DONE}`,
      { kind: 'answer-cut' },
    ],
    [
      'when nobody knows why it ended',
      `${TEXT}${delta({}, 'moon_phase')}${DONE}`,
      { kind: 'answer-cut' },
    ],
    [
      'when a filter withheld it',
      `${TEXT}${delta({}, 'content_filter')}${DONE}`,
      { kind: 'withheld' },
    ],
    [
      'when a filter of another maker did',
      `${TEXT}${delta({}, 'SAFETY')}${DONE}`,
      { kind: 'withheld' },
    ],
    [
      'when the model refused',
      `${delta({ refusal: 'I cannot' })}${delta({ refusal: ' help' })}${STOP}${DONE}`,
      { kind: 'withheld', message: 'the model refused: I cannot help' },
    ],
    ['when it ended with an error', `${TEXT}${delta({}, 'error')}${DONE}`, { kind: 'connection' }],
    ['when it broke off', TEXT, { kind: 'connection' }],
    ['when nothing came', '', { kind: 'connection' }],
    ['when [DONE] came alone', DONE, { kind: 'connection' }],
    [
      'when it cannot be read',
      `${TEXT}data: {"choices":[{"del\n\n${STOP}${DONE}`,
      { kind: 'malformed' },
    ],
    ['when a page came', '<html><body>Bad gateway</body></html>', { kind: 'malformed' }],
  ])('%s', (_title, body, failure) => {
    expect(read([body]).answer).toMatchObject({ kind: 'failed', failure })
  })

  test('and its text is kept when it was cut', () => {
    expect(read([`${TEXT}${delta({}, 'length')}${DONE}`]).answer).toMatchObject({ partial: OK })
  })

  test('when one event is larger than the limit (L7)', () => {
    const { answer } = read([delta({ content: 'x'.repeat(500) }), STOP, DONE], {
      eventCharactersMax: 200,
    })
    expect(answer).toMatchObject({ kind: 'failed', failure: { kind: 'output-too-large' } })
  })
})

describe('an error within an answer that began well keeps its class', () => {
  test.each<[string, unknown, object]>([
    [
      'a numeric code',
      { error: { message: 'upstream overloaded', code: 502 } },
      { kind: 'status', status: 502 },
    ],
    [
      'a numeric code as text',
      { error: { message: 'slow down', code: '429' } },
      { kind: 'status', status: 429 },
    ],
    [
      'a code in words',
      { error: { message: 'x', code: 'context_length_exceeded', type: 'invalid_request_error' } },
      { kind: 'status', status: 400 },
    ],
    [
      'a type in words',
      { error: { message: 'x', type: 'rate_limit_error' } },
      { kind: 'status', status: 429 },
    ],
    [
      "Anthropic's form",
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      { kind: 'status', status: 503 },
    ],
    [
      "vLLM's form",
      { object: 'error', message: 'too long', code: 400 },
      { kind: 'status', status: 400 },
    ],
    [
      "Google's form",
      [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x' } }],
      { kind: 'status', status: 429 },
    ],
    ["FastAPI's form", { detail: 'rate limit reached' }, { kind: 'status', status: 429 }],
    ['a text', { error: 'model is overloaded, try again later' }, { kind: 'status', status: 503 }],
    [
      'a key without money',
      { error: { message: 'x', code: 'insufficient_quota' } },
      { kind: 'status', status: 402 },
    ],
    ['a filter', { error: { message: 'x', code: 'content_filter' } }, { kind: 'withheld' }],
    ['nothing that is known', { error: {} }, { kind: 'status', status: 502 }],
  ])('as %s', (_title, value, failure) => {
    expect(read([event(value), DONE]).answer).toMatchObject({ kind: 'failed', failure })
    expect(read([JSON.stringify(value)]).answer).toMatchObject({ kind: 'failed', failure })
  })

  test('and shows no key', () => {
    const message = 'Incorrect API key provided: sk-secret1234567890, or my-own-key'
    const { answer } = read([event({ error: { message, code: 401 } })], { key: 'my-own-key' })
    expect(JSON.stringify(answer)).not.toMatch(/sk-secret|my-own-key/)
  })
})
