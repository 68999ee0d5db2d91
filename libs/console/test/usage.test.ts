import { expect, test } from 'vitest'
import { outcomeRows } from '../page/decisions/outcome-rows.ts'
import { unpricedOf } from '../page/format/usage.ts'
import { groupRows } from '../page/usage/group-rows.ts'

const usage = (llmCalls: number, costUsd?: number) => ({
  inputTokens: llmCalls * 10,
  outputTokens: llmCalls,
  llmCalls,
  ...(costUsd === undefined ? {} : { costUsd }),
})

test('the page adds the usage of each group over all days, and shows the calls that belong to no group in the last row', () => {
  const day = (name: string, values: { value?: string; usage: ReturnType<typeof usage> }[]) => ({
    day: name,
    total: usage(9),
    models: [],
    values,
  })
  const days = [
    day('2026-01-30', [{ value: 'a', usage: usage(1, 0.5) }, { usage: usage(1) }]),
    day('2026-01-31', [
      { value: 'a', usage: usage(2, 0.5) },
      { value: 'b', usage: usage(3, 2) },
    ]),
  ]
  expect(groupRows({ days, total: usage(9, 4) })).toEqual([
    { key: 'name b', name: 'b', usage: usage(3, 2) },
    { key: 'name a', name: 'a', usage: usage(3, 1) },
    { key: 'others', name: '(others)', usage: usage(1) },
    { key: 'rest', name: 'not counted by group', usage: usage(2, 1) },
  ])
  expect(groupRows({ days: [], total: usage(0) })).toEqual([])
  expect([usage(3), usage(3, 1), { ...usage(3, 1), unpricedCalls: 2 }].map(unpricedOf)).toEqual([
    3, 0, 2,
  ])
})

test('the page has one row for each of 1,000 groups over 30 days, and keeps a value that is called like its own row apart', () => {
  const values = Array.from({ length: 1_000 }, (_, index) => ({
    value: index === 0 ? '(others)' : `group-${index}`,
    usage: usage(1, index / 1_000),
  }))
  const days = Array.from({ length: 30 }, (_, index) => ({
    day: `2026-01-${index + 1}`,
    total: usage(1_002),
    models: [],
    values: [...values, { usage: usage(2) }],
  }))
  const rows = groupRows({ days, total: usage(30 * 1_002) })
  expect(rows).toHaveLength(1_001)
  expect(new Set(rows.map(({ key }) => key)).size).toBe(1_001)
  expect(rows.reduce((sum, row) => sum + row.usage.llmCalls, 0)).toBe(30 * 1_002)
  expect(rows.filter(({ name }) => name === '(others)').map((row) => row.usage.llmCalls)).toEqual([
    60, 30,
  ])
})

test('the page shows what a decision saw and expected next to what was measured later, and shows nothing before the first measurement', () => {
  const option = (kind: string, nodes: number) => ({ kind, reason: '', figures: { nodes } })
  const decision = {
    kind: 'grow',
    inputs: { nodes: 2, queued: 90, panicking: true },
    options: [option('hold', 2), option('grow', 4)],
  }
  expect(outcomeRows({ ...decision, outcomes: [] })).toEqual([])
  const outcomes = [
    { afterMinutes: 1, atMs: 1, figures: { nodes: 3, queued: 40, responseMs: 9 } },
    { afterMinutes: 5, atMs: 2, figures: { complete: false } },
  ]
  expect(outcomeRows({ ...decision, outcomes })).toEqual([
    { name: 'nodes', seen: 2, expected: 4, measured: [3, undefined] },
    { name: 'queued', seen: 90, expected: undefined, measured: [40, undefined] },
    { name: 'responseMs', seen: undefined, expected: undefined, measured: [9, undefined] },
    { name: 'complete', seen: undefined, expected: undefined, measured: [undefined, false] },
  ])
})
