import { expect, test } from 'vitest'
import { diffOf, linesOf } from '../page/parts/forms/line-diff.ts'

const shown = (before: string, after: string) =>
  diffOf(before.split(' '), after.split(' ')).map(
    ({ kind, text }) => ({ same: '', removed: '-', added: '+' })[kind] + text,
  )

test('the diff of two agent definitions keeps the longest sequence of common lines', () => {
  expect(shown('a b c', 'a x c')).toEqual(['a', '-b', '+x', 'c'])
  expect(shown('a b c d', 'b c e')).toEqual(['-a', 'b', 'c', '-d', '+e'])
  expect(diffOf([], ['a'])).toEqual([{ kind: 'added', text: 'a' }])
  expect(diffOf(['a'], ['a'])).toEqual([{ kind: 'same', text: 'a' }])
})

test('the diff of two very long texts shows one as removed and the other as added, within bounded time', () => {
  const many = Array.from({ length: 3_000 }, (_, index) => String(index))
  expect(diffOf(many, [...many].reverse())).toHaveLength(6_000)
})

test('the page shows the definition of an agent with one line for each line of a text', () => {
  expect(linesOf({ tools: ['a'], model: 'm', systemPrompt: 'one\ntwo' })).toEqual([
    'model: m',
    'systemPrompt:',
    '  one',
    '  two',
    'tools:',
    '  [',
    '    "a"',
    '  ]',
  ])
})
