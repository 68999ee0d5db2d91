import { addUsage, NO_USAGE } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { topGroups } from '../../src/fleet/usage-groups.ts'

const usage = (llmCalls: number, costUsd?: number) => ({
  inputTokens: llmCalls * 10,
  outputTokens: llmCalls,
  llmCalls,
  ...(costUsd === undefined ? {} : { costUsd }),
})

test('the groups of all days are the most expensive ones, then those with most tokens, and the others are one sum', () => {
  const days = [
    [{ name: 'a', usage: usage(1, 0.1) }, { name: 'free', usage: usage(9) }, { usage: usage(4) }],
    [
      { name: 'a', usage: usage(2, 0.2) },
      { name: 'b', usage: usage(3, 2) },
      { name: 'few', usage: usage(2) },
    ],
  ]
  expect(topGroups(days, 3)).toEqual({
    groups: [
      { name: 'b', usage: usage(3, 2) },
      { name: 'a', usage: usage(3, 0.3) },
      { name: 'free', usage: usage(9) },
    ],
    groupCount: 4,
    others: usage(6),
  })
  expect(topGroups(days, 1).others).toEqual({ ...usage(18, 0.3), unpricedCalls: 15 })
  expect(topGroups([], 3)).toEqual({ groups: [], groupCount: 0, others: NO_USAGE })
})

test('the groups and the others have the usage of all days together, however many groups are listed', () => {
  const days = Array.from({ length: 92 }, (_, day) =>
    Array.from({ length: 50 }, (_, index) => ({
      name: `group-${index}`,
      usage: usage(1 + ((day * index) % 7), index % 5 === 0 ? undefined : index / 1_000),
    })),
  )
  const total = days.flat().reduce((sum, one) => addUsage(sum, one.usage), NO_USAGE)
  for (const top of [1, 10, 50, 1_000]) {
    const { groups, others } = topGroups(days, top)
    expect(groups).toHaveLength(Math.min(top, 50))
    expect(groups.reduce((sum, one) => addUsage(sum, one.usage), others)).toEqual(total)
  }
})
