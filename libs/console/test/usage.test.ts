import { expect, test } from 'vitest'
import { outcomeRows } from '../page/decisions/outcome-rows.ts'
import { unpricedCallsOf } from '@agentfleet/domain'
import { groupRows } from '../page/usage/group-rows.ts'

const usage = (llmCalls: number, costUsd?: number) => ({
  inputTokens: llmCalls * 10,
  outputTokens: llmCalls,
  llmCalls,
  ...(costUsd === undefined ? {} : { costUsd }),
})

test('the page shows the groups, the sum of the others, and in the last row the calls that belong to no group, and keeps a value that is called like its own row apart', () => {
  const groups = [
    { name: 'b', usage: usage(3, 2) },
    { name: '(others)', usage: usage(3, 1) },
  ]
  const rows = groupRows({ groups, others: usage(1), total: usage(9, 4) })
  expect(rows).toEqual([
    { key: 'name b', name: 'b', usage: usage(3, 2) },
    { key: 'name (others)', name: '(others)', usage: usage(3, 1) },
    { key: 'others', name: '(others)', usage: usage(1) },
    { key: 'rest', name: 'not counted by group', usage: usage(2, 1) },
  ])
  expect(groupRows({ groups: [], others: usage(0), total: usage(0) })).toEqual([])
  expect(
    [usage(3), usage(3, 1), { ...usage(3, 1), unpricedCalls: 2 }].map(unpricedCallsOf),
  ).toEqual([3, 0, 2])
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
