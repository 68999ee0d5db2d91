import {
  PLAN_CALL,
  foldHistory,
  type JournaledCall,
  type TaskRecord,
  type TaskState,
} from '@agentfleet/domain'
import { expect, test } from 'vitest'
import type { Team } from '../../src/agents/team.ts'
import { goalSpecOf, goalView } from '../../src/goals/goals.ts'
import { taskView } from '../../src/tasks/views.ts'

/** A tenant's team of agents with the longest instructions. */
function teamOf(count: number): Team {
  const names = Array.from({ length: count }, (_, at) => `agent-${at}`)
  return {
    names: () => names,
    own: (_tenant, name) =>
      names.includes(name) ? { systemPrompt: 'é'.repeat(32_768) } : undefined,
  }
}

test('a goal with more than 1 MiB of agent definitions is refused, and the refusal says what to do (L7)', () => {
  const goal = (count: number) => goalSpecOf({ goal: 'g' }, teamOf(count), 't', 'm')
  expect(Object.keys(goal(15).goal?.team ?? {})).toHaveLength(15)
  expect(() => goal(17)).toThrow(/roles must name fewer agents/)
  const { goal: chosen } = goalSpecOf({ goal: 'g', roles: ['agent-1'] }, teamOf(50), 't', 'm')
  expect(Object.keys(chosen?.team ?? {})).toEqual(['agent-1'])
})

const noUsage = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }
const text = JSON.stringify({ summary: '', steps: [{ id: 'a', role: 'agent-0', task: 'do it' }] })

/** The record of a goal that was submitted unless `change` says otherwise. */
function recordOf(taskId: string, change: Partial<TaskRecord> = {}): TaskRecord {
  const spec = goalSpecOf({ goal: 'g', maxReplans: 1 }, teamOf(1), 't', 'm')
  const event = { type: 'submitted', atMs: 1, tenant: 't', specHash: 'h', spec } as const
  const record = foldHistory(taskId, [{ event, seq: 1 }])
  if (record === undefined) throw new Error('a history begins with submitted')
  return { ...record, ...change }
}

/** The stage of a goal whose planner runs, after so many plans; the last plan has one step in this state. */
function stageWith(plans: number, state: TaskState | undefined) {
  const calls = Array.from({ length: plans }, (_, step): JournaledCall => ({
    step,
    kind: 'llm',
    name: PLAN_CALL,
    output: { text },
    usage: noUsage,
  }))
  const record = recordOf('g', {
    state: 'running',
    calls,
    children: [{ taskId: 'c', step: plans - 1 }],
  })
  const child = state === undefined ? [] : [['c', taskView(recordOf('c', { state }))] as const]
  if (record.spec.goal === undefined) throw new Error('the task is a goal')
  return goalView(record, record.spec.goal, new Map(child)).stage
}

test('a goal combines its results when all steps are completed, and plans again when a step has failed', () => {
  expect(stageWith(1, 'queued')).toBe('running')
  expect(stageWith(1, undefined)).toBe('running')
  expect(stageWith(1, 'completed')).toBe('concluding')
  expect(stageWith(1, 'failed')).toBe('planning')
  expect(stageWith(2, 'failed')).toBe('concluding')
})
