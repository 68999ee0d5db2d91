import { expect, test } from 'vitest'
import { changesOf, changeWords } from '../page/agents/changes-of.ts'
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

test('the changes of an agent name the key of each change, and leave out an agent of another tenant with the same name', () => {
  const changed = { at: '2026-01-31T12:00:00Z', kind: 'change', operation: 'putAgent', status: 200 }
  const of = (seq: number, tenant: string, target: string, keyId: string) =>
    ({ ...changed, count: 1, seq, tenant, target, keyId }) as const
  const events = [
    of(1, 'acme', 'writer', 'k1'),
    of(2, 'other', 'writer', 'k2'),
    of(3, 'acme', 'tester', 'k1'),
    of(4, 'acme', 'writer', 'env-admin'),
  ] as Parameters<typeof changesOf>[0]
  const changes = changesOf(events, { name: 'writer', tenant: 'acme' }, [{ id: 'k1', name: 'bob' }])
  expect(changes.map(({ seq, who }) => [seq, who])).toEqual([
    [4, undefined],
    [1, 'bob'],
  ])
})

test('the changes of an agent mark those whose outcome the gateway does not know', () => {
  const words = (operation: string, kind: 'change' | 'unknown') => changeWords({ operation, kind })
  expect([words('putAgent', 'change'), words('deleteAgent', 'unknown')]).toEqual([
    'stored',
    'perhaps deleted: the outcome is unknown',
  ])
})
