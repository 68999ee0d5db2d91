import { describe, expect, test } from 'vitest'
import { delta, DONE, event, GOOD, read, toolPiece, usage, USAGE } from './answers.ts'

/** The shapes of chunks, the places and words of finish reasons; a new one is one row. */

const OK = 'The answer is 42.'
const STOP = delta({}, 'stop')
const END = `${STOP}${usage()}${DONE}`
const choice = (fields: object, more: object = {}): string =>
  event({ choices: [{ index: 0, ...fields }], ...more })
const content = (value: unknown): string => delta({ content: value })

describe('the text of an answer is read', () => {
  const TEXTS = {
    'from one choice in place of a list': event({ choices: { delta: { content: OK } } }),
    'from choices by their position': event({ choices: { 0: { delta: { content: OK } } } }),
    'behind a choice of null': event({ choices: [null, { delta: { content: OK } }] }),
    'behind choices that are a text': `${event({ choices: 'x' })}${content(OK)}`,
    'with an index of null': choice({ index: null, delta: { content: OK } }),
    'with an index in words': choice({ index: 'a', delta: { content: OK } }),
    'with a negative index': choice({ index: -1, delta: { content: OK } }),
    'behind a delta of null': `${choice({ delta: null })}${content(OK)}`,
    'in a message next to a delta of null': choice({ delta: null, message: { content: OK } }),
    'in a message next to an empty delta': choice({ delta: {}, message: { content: OK } }),
    'in a delta that is a text': choice({ delta: OK }),
    'in a delta that is a list': choice({ delta: [{ content: OK }] }),
    'in a message that is a text': choice({ message: OK }),
    'in the choice next to a delta of null': choice({ delta: null, text: OK }),
    'in the choice next to an empty message': choice({ message: { content: '' }, text: OK }),
    'once in the choice next to the same delta': `${choice({ delta: { content: 'The answer' }, text: 'The answer' })}${choice({ delta: { content: ' is 42.' }, text: ' is 42.' })}`,
    'in the delta under another name': choice({ delta: { text: OK } }),
    'as an object': content({ text: OK }),
    'as a part in place of a list': content({ type: 'text', text: OK }),
    'behind a part of an unknown type': content([
      { type: 'reference' },
      { type: 'text', text: OK },
    ]),
    'as a part with the name of a delta': content([{ type: 'text_delta', text: OK }]),
    'as a part with its type in capitals': content([{ type: 'TEXT', text: OK }]),
    'as a part without a type': content([{ text: OK }]),
    'as a part with its text under another name': content([{ type: 'text', content: OK }]),
    'as texts in a list': content(['The answer', ' is 42.']),
    'between parts of null': content([null, { type: 'text', text: OK }, null]),
    'without parts of reasoning': content([{ type: 'reasoning', text: 'hm' }, { text: OK }]),
    'without parts that are marked as thoughts': content([{ text: 'hm', thought: true }, OK]),
    'once when the last chunk repeats it': `${content(OK)}${delta({ content: OK }, 'stop')}`,
    'in an envelope that is a text': event({ body: `{"choices":[{"delta":{"content":"${OK}"}}]}` }),
    'in messages of whole objects': ['The answer', ' is 42.']
      .map((piece) => choice({ message: { content: piece } }, { object: 'chat.completion' }))
      .join(''),
    'in messages that each have a finish reason': ['The answer', OK]
      .map((piece) => choice({ message: { content: piece }, finish_reason: 'stop' }))
      .join(''),
    'in deltas next to messages that grow, in objects that are called whole': [
      'The answer',
      ' is 42.',
    ]
      .map((piece, at) =>
        choice(
          { delta: { content: piece }, message: { content: at === 0 ? piece : OK } },
          { object: 'chat.completion', usage: USAGE },
        ),
      )
      .join(''),
    'next to filter results with an error': choice({
      delta: { content: OK },
      content_filter_results: { error: { code: 'x', message: 'not filtered' } },
    }),
    'next to an empty error and no choice': `${event({ choices: [], error: {} })}${content(OK)}`,
    'in an envelope': event({ data: { choices: [{ delta: { content: OK } }] } }),
    'in an envelope with its usage': event({
      output: { choices: [{ message: { content: OK } }] },
      usage: USAGE,
    }),
    'behind a start that reports success': `${event({ code: 0, msg: 'ok' })}${content(OK)}`,
    'behind a report of progress': `${event({ status: 102, message: 'processing' })}${content(OK)}`,
    'behind a start with a status': `${event({ status: 200, message: 'started' })}${content(OK)}`,
    'next to a code and a message of success': event({
      code: 200,
      message: 'ok',
      choices: [{ delta: { content: OK } }],
    }),
    'next to tool calls without content': delta({ content: OK, tool_calls: [{}] }),
    'next to a tool call of empty texts': delta({
      content: OK,
      tool_calls: [{ index: 0, id: '', function: { name: '', arguments: '' } }],
    }),
    'next to a tool call of null': delta({
      content: OK,
      tool_calls: [{ index: 0, id: null, function: { name: null, arguments: null } }],
    }),
  }
  test.each(Object.entries(TEXTS))('although the chunk has an unusual form: %s', (_title, body) => {
    const { answer, text } = read([`${body}${END}`])
    expect(answer).toMatchObject({ kind: 'answered', answer: { text: OK, toolCalls: [] } })
    expect(text).toBe(OK)
  })

  test.each([42, true, false])('as JSON when the content is not a string: %j', (value) => {
    expect(read([`${content(value)}${END}`]).answer).toMatchObject({
      answer: { text: String(value) },
    })
  })
})

describe('the finish reason of an answer is found', () => {
  test.each<[string, string]>([
    ['in the delta', choice({ delta: { finish_reason: 'stop' } })],
    ['next to the choices', choice({ delta: {} }, { finish_reason: 'stop' })],
    ['under the name of another maker', choice({ delta: {}, stop_reason: 'end_turn' })],
    ['in camel case', choice({ delta: {}, finishReason: 'STOP' })],
    ['in a list', choice({ delta: {}, finish_reason: ['stop'] })],
    [
      'in the delta next to null',
      choice({ delta: { finish_reason: 'stop' }, finish_reason: null }),
    ],
    ['in a message', choice({ message: { finish_reason: 'stop' } })],
    [
      'in its details',
      choice({ delta: {}, finish_reason: null, finish_details: { type: 'stop' } }),
    ],
    ['under the name that the model uses', choice({ delta: {}, native_finish_reason: 'STOP' })],
    ["under Ollama's name", choice({ delta: {}, done_reason: 'stop' })],
    ['in a value without choices', event({ finish_reason: 'stop' })],
    ['next to an empty list of choices', event({ choices: [], stop_reason: 'end_turn' })],
    ['behind a value of false', `${choice({ delta: {}, finish_reason: false })}${STOP}`],
  ])('although it stands in an unusual place: %s', (_title, last) => {
    expect(read([`${content(OK)}${last}`]).answer).toMatchObject({ answer: { text: OK } })
  })
})

test.each([
  ['length', 'answer-cut'],
  ['content_filter', 'withheld'],
  ['error', 'connection'],
])('the finish reason %s is kept if another finish reason follows without text', (word, kind) => {
  expect(read([content(OK), delta({}, word), END]).answer).toMatchObject({ failure: { kind } })
  const resumed = read([delta({ content: 'The answer' }, word), content(' is 42.'), END])
  expect(resumed.answer).toMatchObject({ answer: { text: OK } })
})

describe('the finish reason of an answer', () => {
  const kinds: readonly (readonly [kind: string, words: string])[] = [
    [
      'answered',
      'stop STOP eos EOS_TOKEN eos_id end_turn end_of_turn stop_sequence StopSequence COMPLETE normal finish ended ' +
        'natural <|im_end|> </s> eot eom stopped stop_str stop_word stoptoken endoftext FinishReason.STOP ' +
        'FINISH_REASON_STOP STOP_REASON_END_TURN tool_use function_call stop\\n',
    ],
    [
      'answer-cut',
      'length max_tokens MAX_TOKENS MaxTokens max_output_tokens length_limit finish_length truncated output_limit ' +
        'context_window_exceeded FinishReason.MAX_TOKENS incomplete pause_turn other unknown repetition moon',
    ],
    [
      'withheld',
      'content_filter ContentFilter content-filter SAFETY FinishReason.SAFETY guardrails filtered ERROR_TOXIC ' +
        'flagged unsafe risk_control policy_violation refusal',
    ],
    [
      'connection',
      'error ERROR unknown_error model_error abort insufficient_system_resource preempted MALFORMED_FUNCTION_CALL',
    ],
  ]
  const rows = kinds.flatMap(([kind, words]) =>
    words.split(' ').map((word): [string, string] => [word, kind]),
  )
  test.each(rows)('with the words %s leads to the result "%s"', (word, kind) => {
    const { answer } = read([`${content(OK)}${delta({}, word.replace('\\n', '\n'))}`])
    expect(answer.kind === 'failed' ? answer.failure.kind : answer.kind).toBe(kind)
  })

  test.each(['length', 'content_filter', 'error'])(
    'makes the answer a failure even after a tool call: %s',
    (word) => {
      const call = toolPiece({
        index: 0,
        id: 'a',
        function: { name: 'calculate', arguments: '{}' },
      })
      expect(read([`${call}${delta({}, word)}${DONE}`]).answer.kind).toBe('failed')
    },
  )
})

test('an answer without an end is a failure, even if its piece is called a whole answer', () => {
  const piece = choice({ message: { content: 'The' } }, { object: 'chat.completion', usage: USAGE })
  expect(read([piece]).answer).toMatchObject({ failure: { kind: 'connection' } })
})

test('an answer without an end is a failure, even if its pieces contain usage', () => {
  const pieces = ['The answer', ' is'].map((piece) =>
    delta({ content: piece }, null, { usage: USAGE }),
  )
  expect(read([...pieces]).answer).toMatchObject({ failure: { kind: 'connection' } })
  expect(read([event({ choices: [], usage: USAGE }), ...pieces]).answer.kind).toBe('failed')
  expect(read([GOOD]).answer.kind).toBe('answered')
})

describe('an answer of a provider with several choices is', () => {
  const at = (index: unknown, fields: object): string => event({ choices: [{ index, ...fields }] })
  const noise = at(1, { delta: { content: 'NOISE' } })
  const CHOSEN = {
    'the only choice, of index 1': `${at(1, { delta: { content: 'The answer' } })}${at(1, { delta: { content: ' is 42.' } })}${at(1, { delta: {}, finish_reason: 'stop' })}${usage()}${DONE}`,
    'the only choice, of index 1, before a broken connection': `${at(1, { delta: { content: OK } })}${at(1, { delta: {}, finish_reason: 'stop' })}`,
    'the only choice, whose index is a text': `${at('1', { delta: { content: OK } })}${at('1', { delta: {}, finish_reason: 'stop' })}${DONE}`,
    'the only choice of one JSON object, of index 1': JSON.stringify({
      choices: [{ index: 1, message: { content: OK }, finish_reason: 'stop' }],
      usage: USAGE,
    }),
    'the choice of index 1 behind whose text only the end has index 0': `${at(1, { delta: { content: OK } })}${END}`,
    'the lowest of two choices without index 0': `${at(2, { delta: { content: 'NOISE' } })}${at(1, { delta: { content: OK } })}${at(2, { delta: { content: 'NOISE' }, finish_reason: 'stop' })}${at(1, { delta: {}, finish_reason: 'stop' })}${DONE}`,
    'the choice of index 0 behind another one': `${noise}${GOOD}`,
    'the choice of index 0 between pieces of another one': `${content(OK)}${noise}${END}`,
    'the choice of index 0 in a list behind another one': event({
      choices: [
        { index: 1, message: { content: 'NOISE' }, finish_reason: 'stop' },
        { index: 0, message: { content: OK }, finish_reason: 'stop' },
      ],
    }),
  }
  test.each(Object.entries(CHOSEN))('%s', (_title, body) => {
    const { answer, text } = read([body])
    expect(answer).toMatchObject({ kind: 'answered', answer: { text: OK, toolCalls: [] } })
    expect(text).toBe(OK)
  })

  test('a failure if the choice of index 0 begins, says nothing and ends', () => {
    const { answer } = read([`${delta({ role: 'assistant', content: '' })}${noise}${END}`])
    expect(answer).toMatchObject({ failure: { kind: 'empty-answer' } })
  })

  test('a failure if its only choice is too long and has another index than 0', () => {
    const pieces = Array.from({ length: 200 }, () =>
      at(1, { delta: { content: 'word '.repeat(200) } }),
    )
    expect(read([...pieces, DONE], { eventCharactersMax: 5_000 }).answer).toMatchObject({
      failure: { kind: 'output-too-large' },
    })
  })
})
