import { expect, test } from 'vitest'
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
    { name: 'b', usage: usage(3, 2) },
    { name: 'a', usage: usage(3, 1) },
    { name: '(others)', usage: usage(1) },
    { name: 'not counted by group', usage: usage(2, 1) },
  ])
  expect(groupRows({ days: [], total: usage(0) })).toEqual([])
})
