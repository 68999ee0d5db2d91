import { PLAIN_SPEC } from '@agentfleet/testkit'
import type { TailedEvent } from '@agentfleet/adapters'
import type { TaskSpec } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { createTaskTable } from '../../src/follower/task-table.ts'

const spec: TaskSpec = PLAIN_SPEC
const submitted = (taskId: string, seq: number, change: Partial<TaskSpec> = {}): TailedEvent => ({
  taskId,
  seq,
  storedAtMs: 0,
  bytes: 1,
  event: {
    type: 'submitted',
    atMs: 0,
    tenant: `of-${taskId}`,
    spec: { ...spec, ...change },
    specHash: 'h',
  },
})

test('a task whose end was purged before this replica read it does not stay in the table', () => {
  const table = createTaskTable()
  table.apply(submitted('ghost', 1))
  table.apply(submitted('waits', 2, { dependsOn: ['living'] }))
  table.apply(submitted('living', 5))
  expect(table.neededFrom()).toBe(1)
  // Another replica purged everything before 5, the ends of the first two among it.
  expect(table.dropBefore(5)).toEqual(['ghost', 'waits'])
  expect([...table.records()].map(({ taskId }) => taskId)).toEqual(['living'])
  expect(table.queues().map(({ tenant }) => tenant)).toEqual(['of-living'])
  expect(table.isAwaited('living')).toBe(false)
  expect([...table.waiting()]).toEqual([])
  expect(table.runnable()).toBe(1)
  expect(table.neededFrom()).toBe(5)
  expect(table.dropBefore(5)).toEqual([])
})
