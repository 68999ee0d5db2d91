import { foldHistory, type TaskRecord } from '@agentfleet/domain'
import { newTaskId } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { goalRoutes } from '../../src/goals/routes.ts'
import { createReader } from '../../src/tasks/reads.ts'
import { createReadTurns } from '../../src/tenants/turns.ts'

const TASK_ID = newTaskId(0)

/** A task that only the log has. */
function taskOf(taskId: string): TaskRecord {
  const spec = { task: 'x', agent: 'a', model: 'm', cpu: 'low', memory: 'low' } as const
  const rest = { priority: 'medium', timeoutMs: 1_000, maxAttempts: 1 } as const
  const event = { type: 'submitted', atMs: 1, tenant: 't', specHash: '' } as const
  const record = foldHistory(taskId, [{ event: { ...event, spec: { ...spec, ...rest } }, seq: 1 }])
  if (record === undefined) throw new Error('a history begins with submitted')
  return record
}

/** A reader of a log that notes how many of its reads run at the same time, and how many tasks it has read. */
function bench() {
  const seen = { reading: 0, most: 0, records: 0 }
  const slowly = async <T>(answer: T): Promise<T> => {
    seen.most = Math.max(seen.most, (seen.reading += 1))
    await new Promise((resolve) => setImmediate(resolve))
    seen.reading -= 1
    return answer
  }
  const reader = createReader({
    bus: { connected: () => true },
    log: {
      last: () => slowly({ event: { type: 'expired', atMs: 1 }, seq: 1 } as never),
      record(taskId) {
        seen.records += 1
        return slowly(taskOf(taskId))
      },
    },
    store: { load: () => Promise.resolve(undefined), inflightNode: () => Promise.resolve([]) },
    metrics: { reads: { inc: () => undefined } as never },
    turns: createReadTurns(),
  })
  return { reader, seen }
}

test('600 requests of a tenant for large tasks hold 16 of them in memory at the same time (L7)', async () => {
  const { reader, seen } = bench()
  const reads = Array.from({ length: 300 }, () => [
    reader.load(TASK_ID, 't'),
    reader.loadWhole(TASK_ID, 't'),
  ])
  expect(await Promise.all(reads.flat())).toHaveLength(600)
  expect(seen).toEqual({ reading: 0, most: 16, records: 600 })
})

test('the gateway does not read the history of a task that is not a goal when a client asks for a goal', async () => {
  const { reader, seen } = bench()
  const { getGoal } = goalRoutes({ reader } as never)
  const request = { params: { id: TASK_ID }, tenant: 't' } as unknown as FastifyRequest
  await expect(getGoal(request)).rejects.toThrow(/not a goal/)
  // The one read is that of the task, which only the log has here.
  expect(seen.records).toBe(1)
})
