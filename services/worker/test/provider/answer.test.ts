import { describe, expect, test } from 'vitest'
import { delta, DONE, event, GOOD, read, usage, USAGE } from './answers.ts'
import { casesOf } from './cases.ts'

/** The table of provider answers by kind; a new quirk is one row. */

const OK = 'The answer is 42.'
const TEXT = delta({ content: OK })
const STOP = delta({}, 'stop')

describe('the streamed answer of a provider is read completely', () => {
  const UNUSUAL = {
    'as the documentation shows it': GOOD,
    'without [DONE]': GOOD.replace(DONE, ''),
    'with [DONE] and no finish reason': `${TEXT}${usage()}${DONE}`,
    'with an empty finish reason before the real one': `${delta({ content: OK }, '')}${STOP}${usage()}${DONE}`,
    'with a finish reason before its text': `${delta({ content: '' }, 'stop')}${TEXT}${STOP}${usage()}${DONE}`,
    'behind an error event that follows the end': `${TEXT}${STOP}${usage()}${event({ error: { message: 'late' } })}`,
    'with empty events as signs of life': `data:\n\ndata: \n\n${GOOD}`,
    'with a chunk whose choices are null': `${event({ choices: null })}${GOOD}`,
    'with a choice that has no delta': `${TEXT}${event({ choices: [{ index: 0, finish_reason: null, content_filter_offsets: {} }] })}${STOP}${usage()}${DONE}`,
    'next to a second choice': `${event({ choices: [{ index: 1, delta: { content: 'NOISE' } }] })}${GOOD}`,
    'with text as parts, thinking left out': `${delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] })}${delta({ content: [{ type: 'text', text: 'The answer' }] })}${delta({ content: ' is 42.' })}${STOP}${usage()}${DONE}`,
    'with reasoning next to it': `${delta({ reasoning_content: 'six times seven' })}${delta({ reasoning: 'more' })}${GOOD}`,
    'with the finish reason in capitals': `${TEXT}${delta({}, 'STOP')}${usage()}${DONE}`,
    'with the finish reason of another maker': `${TEXT}${delta({}, 'end_turn')}${usage()}${DONE}`,
    'as one chunk': delta({ content: OK }, 'stop', { usage: USAGE }),
    'as one JSON object in place of a stream': JSON.stringify({
      choices: [{ index: 0, message: { role: 'assistant', content: OK }, finish_reason: 'stop' }],
      usage: USAGE,
    }),
    'as one JSON object a line': `${JSON.stringify({ choices: [{ index: 0, delta: { content: OK } }] })}\n${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: USAGE })}\n`,
    'closed by a repetition of the whole message': `${TEXT}${event({ choices: [{ index: 0, message: { content: OK }, finish_reason: 'stop' }], usage: USAGE })}${DONE}`,
    'with finish tool_calls and text alone': `${TEXT}${delta({}, 'tool_calls')}${usage()}${DONE}`,
    'with the end mark in small letters': `${TEXT}${usage()}data:[done]\n\n`,
    'with text behind the end mark': `${TEXT}${usage()}data: [DONE] stream closed\n\n`,
    'with an end mark without a field name': `${TEXT}${usage()}[DONE]\n\n`,
    'framed twice': GOOD.replaceAll('data: ', 'data: data: '),
    'without blank lines between its events': GOOD.replaceAll('\n\n', '\n'),
    'with named pings of no JSON': `event: ping\ndata: ping\n\n${GOOD}`,
    'with pings of no JSON': `data: keep-alive\n\n${GOOD}`,
    'with events of null': `data: null\n\n${GOOD}`,
    'with chunks that have a role alone': `${delta({ role: 'assistant' })}${GOOD}`,
    'with chunks that have no choices': `${event({ choices: [] })}${GOOD}`,
    'with numbers that are none, as Python writes them': `data: {"choices":[{"index":0,"delta":{"content":"${OK}"},"logprobs":[NaN,-Infinity]}]}\n\n${STOP}${usage()}${DONE}`,
    'with a name twice in one object': `data: {"choices":[{"index":0,"delta":{"content":"no","content":"${OK}"}}]}\n\n${STOP}${usage()}${DONE}`,
    'with an empty error next to each choice': GOOD.replaceAll(
      '{"choices":[{',
      '{"error":"","choices":[{',
    ),
    'with an error of zero next to each choice': GOOD.replaceAll(
      '{"choices":[{',
      '{"error":{"code":0,"message":""},"choices":[{',
    ),
    'behind an error that reports success': `${event({ error: { code: 0, message: 'ok' } })}${GOOD}`,
    'with an error of None next to each choice': GOOD.replaceAll(
      '{"choices":[{',
      '{"error":"None","choices":[{',
    ),
    'with an index as text': GOOD.replaceAll('"index":0', '"index":"0"'),
    'next to a second choice whose index is text': `${event({ choices: [{ index: '1', delta: { content: 'NOISE' } }] })}${GOOD}`,
    'with a finish reason as an object': `${TEXT}${event({ choices: [{ index: 0, delta: {}, finish_reason: { type: 'stop' } }] })}${usage()}${DONE}`,
    'with a finish reason as a number': `${TEXT}${event({ choices: [{ index: 0, delta: {}, finish_reason: 1 }] })}${usage()}${DONE}`,
    'with the word null before the finish reason': `${delta({ content: OK }, 'null')}${STOP}${usage()}${DONE}`,
    'with usage before its finish reason': `${TEXT}${usage()}${STOP}${DONE}`,
    'with tool calls of null': `${delta({ content: OK, tool_calls: null, function_call: null, refusal: null })}${STOP}${usage()}${DONE}`,
    'with reasoning as an object': `${delta({ reasoning: { text: 'hm' } })}${GOOD}`,
    'with reasoning as a list': `${delta({ reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] })}${GOOD}`,
    'in messages in place of deltas': `${event({ choices: [{ index: 0, message: { content: 'The answer' } }] })}${event({ choices: [{ index: 0, message: { content: ' is 42.' } }] })}${STOP}${usage()}${DONE}`,
    'in messages that grow': `${event({ choices: [{ index: 0, message: { content: 'The answer' } }] })}${event({ choices: [{ index: 0, message: { content: OK } }] })}${STOP}${usage()}${DONE}`,
    'with its last part in a whole message': `${delta({ content: 'The answer' })}${event({ choices: [{ index: 0, delta: {}, message: { content: OK }, finish_reason: 'stop' }], usage: USAGE })}${DONE}`,
    'as one JSON object without a finish reason': JSON.stringify({
      object: 'chat.completion',
      choices: [{ index: 0, message: { content: OK }, finish_reason: null }],
      usage: USAGE,
    }),
    'as one JSON object with the end mark behind it': `${JSON.stringify({ choices: [{ index: 0, message: { content: OK }, finish_reason: 'stop' }], usage: USAGE })}\ndata: [DONE]\n`,
  }
  test.each([
    ...Object.entries(UNUSUAL),
    ...[
      '[PING]',
      ': keepalive',
      'ping - 2024-12-12 10:00:00.123',
      '.',
      '{"message":"keep-alive"}',
      '{"type":"ping","message":"still there"}',
      '{"type":"progress","message":"loading the model","progress":0.4}',
      '{"type":"warning","message":"deprecated soon"}',
    ].map((sign): [string, string] => [
      `with the sign of life ${sign}`,
      `data: ${sign}\n\n${GOOD}`,
    ]),
  ])('although it is sent in an unusual form: %s', (_title, body) => {
    const { answer, text, begun } = read([body])
    expect(read([...Buffer.from(body)].map((byte) => Buffer.of(byte))).answer).toEqual(answer)
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
  ])('with %s, and its pieces together are its text', (_title, start, expected) => {
    const { answer, text } = read([`${start}${STOP}${usage()}${DONE}`])
    expect(answer).toMatchObject({ kind: 'answered', answer: { text: expected } })
    expect(text).toBe(expected)
  })
})

describe('the streamed answer of a provider becomes a failure with an error code', () => {
  const FAILURES = {
    'empty-answer': {
      'when it is empty': `${delta({ content: '' })}${STOP}${usage()}${DONE}`,
      'when it has blanks alone': `${delta({ content: ' \n ' })}${STOP}${usage()}${DONE}`,
      'when it announces tool calls and has none': `${delta({}, 'tool_calls')}${usage()}${DONE}`,
      'when chunks without choices came alone': `${event({ choices: [] })}${event({ choices: [] })}${DONE}`,
      'when roles came alone': `${delta({ role: 'assistant' })}${DONE}`,
    },
    'answer-cut': {
      'when reasoning used up its tokens': `${delta({ reasoning_content: 'hmm' })}${delta({}, 'length')}${DONE}`,
      'when it was cut by length': `${TEXT}${delta({}, 'length')}${DONE}`,
      'when it was cut under another name': `${TEXT}${delta({}, 'MAX_TOKENS')}${DONE}`,
      'when it ended for an unknown reason': `${TEXT}${delta({}, 'moon_phase')}${DONE}`,
      'when it was cut under a number': `${TEXT}${event({ choices: [{ index: 0, delta: {}, finish_reason: 2 }] })}${DONE}`,
      'when its finish reason is an unknown object': `${TEXT}${event({ choices: [{ index: 0, delta: {}, finish_reason: { moon: 1 } }] })}${DONE}`,
    },
    withheld: {
      'when a filter withheld it': `${TEXT}${delta({}, 'content_filter')}${DONE}`,
      'when a filter of another maker did': `${TEXT}${delta({}, 'SAFETY')}${DONE}`,
      'when the model refused and a filter withheld it': `${delta({ refusal: 'I cannot help' })}${delta({}, 'content_filter')}${DONE}`,
    },
    connection: {
      'when it broke off in a message': event({
        choices: [{ index: 0, message: { content: 'The' } }],
      }),
      'when it ended with an error': `${TEXT}${delta({}, 'error')}${DONE}`,
      'when it broke off': TEXT,
      'when nothing came': '',
      'when [DONE] came alone': DONE,
    },
    malformed: {
      'when it is nested too deep': `data: {"choices":[{"delta":{"content":${'['.repeat(40_000)}${']'.repeat(40_000)}}}]}\n\n`,
      'when its error is nested too deep': `${'['.repeat(40_000)}${']'.repeat(40_000)}`,
      'when its reasoning is nested too deep': `data: {"choices":[{"delta":{"reasoning":${'['.repeat(40_000)}${']'.repeat(40_000)}}}]}\n\n`,
      'when it cannot be read': `${TEXT}data: {"choices":[{"del\n\n${STOP}${DONE}`,
      'when a page came': '<html><body>Bad gateway</body></html>',
    },
  }
  test.each(casesOf(FAILURES))('%s', (_title, body, kind) => {
    expect(read([body]).answer).toMatchObject({ kind: 'failed', failure: { kind } })
  })

  const REFUSALS = {
    'in two pieces': `${delta({ refusal: 'I cannot' })}${delta({ refusal: ' help' })}`,
    'in a part': delta({ content: [{ type: 'refusal', refusal: 'I cannot help' }] }),
  }
  test.each(Object.entries(REFUSALS))(
    'with the words of a model that refused %s',
    (_title, body) => {
      const failure = { kind: 'withheld', message: 'the model refused: I cannot help' }
      expect(read([`${body}${STOP}${DONE}`]).answer).toMatchObject({ kind: 'failed', failure })
    },
  )

  test('that contains the text received so far when the answer was cut at the length limit', () => {
    expect(read([`${TEXT}${delta({}, 'length')}${DONE}`]).answer).toMatchObject({ partial: OK })
  })

  test('when one event is larger than the limit (L7)', () => {
    const { answer } = read([delta({ content: 'x'.repeat(500) }), STOP, DONE], {
      eventCharactersMax: 200,
    })
    expect(answer).toMatchObject({ kind: 'failed', failure: { kind: 'output-too-large' } })
  })
})
