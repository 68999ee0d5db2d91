import {
  foldHistory,
  previewOf,
  type Submitted,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { eventView, historyEvent, taskSummary, taskView } from '../../src/tasks/views.ts'

const submitted: Submitted = {
  type: 'submitted',
  atMs: 1_000,
  tenant: 'acme',
  specHash: 'abc',
  spec: {
    task: 'x'.repeat(500),
    agent: 'writer',
    model: 'm',
    cpu: 'low',
    memory: 'low',
    priority: 'high',
    timeoutMs: 5_000,
    maxAttempts: 3,
  },
}
const usage = { inputTokens: 1, outputTokens: 2, llmCalls: 1 }

function recordOf(...events: TaskEvent[]): TaskRecord {
  const record = foldHistory(
    't1',
    [submitted, ...events].map((event, index) => ({ event, seq: index + 1 })),
  )
  if (record === undefined) throw new Error('a history begins with submitted')
  return record
}

test('a queued task with an in-flight note is shown as running on the node in the note', () => {
  expect(taskView(recordOf(), 'n1')).toMatchObject({ state: 'running', node: 'n1', seq: 1 })
  expect(taskView(recordOf())).toMatchObject({ state: 'queued', deadlineAt: isoAt(6_000) })
  expect(taskView(recordOf())).not.toHaveProperty('node')
})

test('the times of a task are those of its record, in the same second or in another one', () => {
  for (const submittedAtMs of [0, 7, 1_999, 1_764_437_045_003, 253_402_300_799_999]) {
    for (const laterMs of [-1_500, -1, 0, 1, 990, 1_000, 86_400_000]) {
      const updatedAtMs = Math.max(0, Math.min(submittedAtMs + laterMs, 253_402_300_799_999))
      const view = taskView({ ...recordOf(), submittedAtMs, updatedAtMs })
      expect(view.createdAt).toBe(isoAt(submittedAtMs))
      expect(view.updatedAt).toBe(isoAt(updatedAtMs))
    }
  }
})

test('an old in-flight note does not change the shown state or node of a finished task', () => {
  const done: TaskEvent = {
    type: 'completed',
    atMs: 2_000,
    attempt: 1,
    node: 'n1',
    result: { a: null },
    usage,
  }
  const view = taskView(recordOf(done), 'n2')
  expect(view).toMatchObject({ state: 'completed', node: 'n1', result: { a: null }, usage })
})

test('a task that waits for its retry shows the error and the time of the retry', () => {
  const error = { code: 'timeout', message: 'too slow' }
  const failed: TaskEvent = {
    type: 'attempt-failed',
    atMs: 2_000,
    attempt: 1,
    error,
    retryAtMs: 3_000,
  }
  const view = taskView(recordOf(failed))
  expect(view).toMatchObject({ state: 'retrying', failures: 1, error, retryAt: isoAt(3_000) })
})

test('the view of a task shows the last recorded placement with its load balancer and the number of candidates', () => {
  const placed = { node: 'n1', reason: 'least-loaded', balancer: 'b1', considered: 4, atMs: 1_500 }
  const started: TaskEvent = {
    type: 'attempt-started',
    atMs: 2_000,
    attempt: 2,
    node: 'n1',
    placed,
  }
  const placement = { node: 'n1', reason: 'least-loaded', by: 'b1', considered: 4, atMs: 1_500 }
  const later: TaskEvent = {
    type: 'failed',
    atMs: 3_000,
    attempt: 2,
    error: { code: 'c', message: 'm' },
  }
  expect(taskView(recordOf(started, later))).toMatchObject({ state: 'failed', placement })
  expect(eventView(started)).toEqual({
    type: 'attempt-started',
    atMs: 2_000,
    attempt: 2,
    node: 'n1',
    placement,
  })
  expect(taskView(recordOf())).not.toHaveProperty('placement')
})

test('the view of a task contains neither the tenant nor the fingerprint of the request body', () => {
  const shown = JSON.stringify([
    taskView(recordOf()),
    taskSummary(previewOf(recordOf())),
    eventView(submitted),
    historyEvent({ event: submitted, seq: 1, messageId: 'm', storedAtMs: 1 }),
  ])
  expect(shown).not.toContain('acme')
  expect(shown).not.toContain('abc')
})

test("a list shows only the beginning of a task's text", () => {
  expect(taskSummary(previewOf(recordOf())).preview).toHaveLength(160)
})

test('a list shows times, usage, metadata and lineage of a task', () => {
  const placed = { node: 'n1', reason: 'free', balancer: 'b1', considered: 2, atMs: 1_500 }
  const done: TaskEvent = {
    type: 'completed',
    atMs: 3_000,
    attempt: 1,
    node: 'n1',
    result: 'r',
    usage,
    placed,
  }
  const record = recordOf(done)
  const spec = { ...record.spec, metadata: { team: 'a' }, replayOf: 't0' }
  const parent = { taskId: 'p1', step: 0, depth: 1 }
  expect(taskSummary(previewOf({ ...record, spec, parent }))).toMatchObject({
    kind: 'child',
    startedAt: isoAt(1_500),
    endedAt: isoAt(3_000),
    usage,
    metadata: { team: 'a' },
    parentId: 'p1',
    replayOf: 't0',
  })
  expect(taskSummary(previewOf(recordOf()))).not.toHaveProperty('endedAt')
})

function isoAt(atMs: number): string {
  return new Date(atMs).toISOString()
}
