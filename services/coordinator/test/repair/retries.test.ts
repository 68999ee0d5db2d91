import { TIMING, type TaskRecord } from '@agentfleet/domain'
import { PLAIN_SPEC } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createTaskTable } from '../../src/follower/task-table.ts'
import { createRetries } from '../../src/repair/retries.ts'

test('a retry of a quiet tenant is started at once, even if none of the many retries of a busy tenant ends (L7)', () => {
  const tasks = createTaskTable()
  const started: string[] = []
  const surely = ({ taskId }: TaskRecord) => {
    started.push(taskId)
    return new Promise<boolean>(() => undefined)
  }
  const issuer = { surely, once: surely, close() {} }
  const nowMs = () => 10_000
  const deps = { tasks, issuer, timing: TIMING, nowMs, tenants: () => 2 }
  const retries = createRetries(deps, () => undefined)
  let seq = 0
  const fails = (tenant: string, taskId: string, retryAtMs: number): void => {
    const error = { code: 'timeout', message: '' }
    const events = [
      { type: 'submitted', atMs: 0, tenant, spec: PLAIN_SPEC, specHash: 'h' },
      { type: 'attempt-failed', atMs: 0, attempt: 1, error, retryAtMs },
    ] as const
    for (const event of events) {
      seq += 1
      const record = tasks.apply({ taskId, event, seq, storedAtMs: 0, bytes: 500 })
      if (record !== undefined) retries.note(record)
    }
  }
  for (let at = 0; at < 30_000; at += 1) fails('busy', `busy-${at}`, 1)
  retries.run()
  fails('quiet', 'quiet-task', 2)
  // The first ones are under way, and no turn has ended yet.
  retries.run()
  expect(started.length).toBeLessThanOrEqual(500)
  expect(started).toContain('quiet-task')
})
