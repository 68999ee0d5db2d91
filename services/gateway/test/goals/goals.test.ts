import { expect, test } from 'vitest'
import type { Team } from '../../src/agents/team.ts'
import { goalSpecOf } from '../../src/goals/goals.ts'

/** A tenant's team of agents with the longest instructions. */
function teamOf(count: number): Team {
  const names = Array.from({ length: count }, (_, at) => `agent-${at}`)
  return {
    names: () => names,
    own: (_tenant, name) =>
      names.includes(name) ? { systemPrompt: 'é'.repeat(32_768) } : undefined,
  }
}

test('a goal takes at most 1 MiB of definitions along, and the refusal says what to do (L7)', () => {
  const goal = (count: number) => goalSpecOf({ goal: 'g' }, teamOf(count), 't', 'm')
  expect(Object.keys(goal(15).goal?.team ?? {})).toHaveLength(15)
  expect(() => goal(17)).toThrow(/roles must name fewer agents/)
  const { goal: chosen } = goalSpecOf({ goal: 'g', roles: ['agent-1'] }, teamOf(50), 't', 'm')
  expect(Object.keys(chosen?.team ?? {})).toEqual(['agent-1'])
})
