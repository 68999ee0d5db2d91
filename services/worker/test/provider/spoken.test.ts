import { describe, expect, test } from 'vitest'
import { createSpokenText } from '../../src/provider/answer/spoken.ts'
import { delta, DONE, read, toolPiece, usage } from './answers.ts'

/** Texts whose pieces repeat each other, and thoughts in tags; a new form is one row. */

const OK = 'The answer is 42.'
const END = `${delta({}, 'stop')}${usage()}${DONE}`
const spoken = (...pieces: string[]) =>
  read([`${pieces.map((content) => delta({ content })).join('')}${END}`])

describe('the pieces of an answer that each contain all text so far', () => {
  test.each<[string, string[], string]>([
    ['four of them', ['The', 'The answer', 'The answer is', OK], OK],
    ['some of them twice', ['The', 'The answer', 'The answer', OK, OK], OK],
    ['an old one again', ['The', 'The answer', OK, 'The answer'], OK],
    ['two of them', ['The answer', OK], OK],
    ['one letter first', ['我', '我是', '我是模型'], '我是模型'],
    ['another form of pieces at the end', ['The', 'The answer', 'The answer is', ' 42.'], OK],
  ])('are joined to one text without repetitions: %s', (_title, pieces, expected) => {
    const { answer, text } = spoken(...pieces)
    expect(answer).toMatchObject({ kind: 'answered', answer: { text: expected } })
    expect(text).toBe(expected)
  })

  test.each<[string, string[]]>([
    ['digits', ['1', '10', '100']],
    ['blank lines', ['\n', '\n\n', 'x']],
    ['syllables', ['ha', 'haha', '!']],
    ['two letters', ['A', 'AB']],
    ['one word twice', ['bye', 'bye', ' now']],
  ])('are joined unchanged when they are ordinary pieces: %s', (_title, pieces) => {
    const { answer, text } = spoken(...pieces)
    expect(answer).toMatchObject({ answer: { text: pieces.join('') } })
    expect(text).toBe(pieces.join(''))
  })
})

describe('the thoughts of a model in tags before its answer', () => {
  test.each<[string, string[]]>([
    ['in one piece', [`<think>six times seven</think>\n\n${OK}`]],
    ['in many pieces', ['<th', 'ink>six', ' times</thi', 'nk>\n', '\nThe', ' answer is 42.']],
    ['letter by letter', `<think>hm</think>\n${OK}`.split('')],
    ['that are empty', [`<think>\n\n</think>\n\n${OK}`]],
    ['behind blank lines', [`\n\n<think>hm</think>${OK}`]],
    ['twice', [`<think>hm</think>\n<think>hm</think>\n${OK}`]],
    ['with a namespace', [`<seed:think>hm</seed:think>${OK}`]],
    ['of Magistral', [`[THINK]hm[/THINK]${OK}`]],
    ['of Gemini', [`<thought>hm</thought>${OK}`]],
    [
      'that grow',
      ['<think>', '<think>hm</think>', `<think>hm</think>The`, `<think>hm</think>${OK}`],
    ],
  ])('are left out of the answer: %s', (_title, pieces) => {
    const { answer, text } = spoken(...pieces)
    expect(answer).toMatchObject({ kind: 'answered', answer: { text: OK } })
    expect(text).toBe(OK)
  })

  test.each([
    'Use <think>x</think> around thoughts.',
    '<thinker>x</thinker>',
    '[1, 2]',
    '<',
    'x </think> is the end mark.',
  ])('are not assumed in the text %j', (text) => {
    expect(spoken(...text.split(''))).toMatchObject({ text, answer: { answer: { text } } })
  })

  test('are left out of the answer when the prompt contained their opening tag', () => {
    expect(spoken(`six times seven</think>\n\n${OK}`).answer).toMatchObject({
      answer: { text: OK },
    })
  })

  test.each(['<think>six times seven</think>', '<think>six times seven', ' <think>\n</think>\n'])(
    'make an empty answer if nothing follows them: %j',
    (text) => {
      expect(spoken(text).answer).toMatchObject({ failure: { kind: 'empty-answer' } })
    },
  )

  test('are kept for their provider next to a tool call', () => {
    const call = { index: 0, id: 'a', function: { name: 'get_time', arguments: '{}' } }
    const body = `${delta({ content: '<think>hm</think>\nLet me see.' })}${toolPiece(call)}${delta({}, 'tool_calls')}`
    expect(read([body]).answer).toMatchObject({
      answer: { text: 'Let me see.', echo: { thoughts_in_content: '<think>hm</think>' } },
    })
  })

  test('are read in seconds even if they are long and look like their end', () => {
    const text = createSpokenText()
    text.add('<think>')
    const startedMs = performance.now()
    for (let piece = 0; piece < 100_000; piece += 1) text.add('a </thin ')
    // Milliseconds where the time is linear, minutes where it is quadratic.
    expect(performance.now() - startedMs).toBeLessThan(15_000)
  })
})
