import { TIMING, type TaskRecord } from '@agentfleet/domain'
import { eventually, PLAIN_SPEC } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createTaskTable } from '../../src/follower/task-table.ts'
import { createRetries } from '../../src/repair/retries.ts'

test('a retry of a quiet tenant is started in its turn, no matter how many retries of a busy tenant were due before (L7)', async () => {
  const tasks = createTaskTable()
  const started: string[] = []
  const open: (() => void)[] = []
  const surely = ({ taskId }: TaskRecord) => {
    started.push(taskId)
    return new Promise<boolean>((resolve) => open.push(() => resolve(true)))
  }
  const issuer = { surely, once: surely, close() {} }
  const nowMs = () => 10_000
  const retries = createRetries({ tasks, issuer, timing: TIMING, nowMs, issued() {} })
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
  fails('quiet', 'quiet-task', 2)
  retries.run()
  // The first ones are under way, and no turn has ended yet.
  retries.run()
  const underWay = started.length
  expect(underWay).toBeLessThanOrEqual(500)
  for (const end of open.splice(0, 10)) end()
  await eventually(() => expect(started).toContain('quiet-task'))
})
