import type { TaskRecord } from '@agentfleet/domain'
import type { BatchResult, ReplayPage } from '@agentfleet/protocol'
import { systemClock } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { Refusal } from '../../src/http/problems.ts'
import { replayRoutes } from '../../src/lists/replay-routes.ts'
import type { Submission } from '../../src/tasks/submit.ts'
import { taskRoutes } from '../../src/tasks/routes.ts'

/** The key of these requests ends with the third of their tasks. */
const LASTS = 3
const TASKS = 200
const ids = Array.from({ length: TASKS }, (_, at) => `task-${at}`)
const caller = (body: object) =>
  ({ tenant: 'acme', headers: {}, ip: '10.0.0.1', principal: undefined, body }) as FastifyRequest

function setup() {
  let stored = 0
  const refused: string[] = []
  return {
    refused,
    stored: () => stored,
    accept(taskId: string) {
      stored += 1
      const record = { taskId, state: 'queued', seq: stored } as TaskRecord
      return Promise.resolve({ kind: 'accepted' as const, record })
    },
    principals: {
      requireStanding() {
        if (stored >= LASTS) throw new Refusal('unauthorized', 'The key ended.')
      },
      refusedPart: (_caller: unknown, operation: string, code: string) =>
        void refused.push(`${operation} ${code}`),
    },
  }
}

function expectEnd(statuses: readonly number[], stored: number, refused: string[], part: string) {
  expect(stored).toBe(LASTS)
  expect(statuses).toEqual(ids.map((_id, at) => (at < LASTS ? 202 : 401)))
  expect(refused).toEqual(Array.from({ length: TASKS - LASTS }, () => part))
}

test('a batch stores nothing more when its key has ended, not even tasks that waited for an earlier task of the batch, and records each refused task', async () => {
  const { refused, stored, accept, principals } = setup()
  let counter = 0
  const { submitBatch } = taskRoutes({
    submitter: {
      idFor: () => `task-${counter++}`,
      submit: ({ taskId }: Submission) => accept(taskId),
    },
    principals,
    agentChoice: { definitionFor: () => undefined },
    offers: { check: () => undefined },
    checkTask: () => undefined,
    defaultModel: 'm',
    clock: systemClock,
  } as unknown as Parameters<typeof taskRoutes>[0])
  const tasks = ids.map((_id, at) => ({ task: 'x', ...(at > 1 ? { dependsOn: ['#0'] } : {}) }))
  const { results } = (await submitBatch(caller({ tasks }))) as { results: BatchResult[] }
  expectEnd(
    results.map(({ status }) => status),
    stored(),
    refused,
    'submitBatch unauthorized',
  )
})

test('a bulk replay submits nothing more when its key has ended, and records each refused task', async () => {
  const { refused, stored, accept, principals } = setup()
  const { replayTasks } = replayRoutes({
    replays: { replay: ({ taskId }: TaskRecord) => accept(taskId) },
    store: {
      load: (taskId: string) => Promise.resolve({ taskId, tenant: 'acme', state: 'failed' }),
    },
    principals,
  } as unknown as Parameters<typeof replayRoutes>[0])
  const body = { taskIds: ids, dryRun: false, limit: TASKS, from: 'start' }
  const { results } = (await replayTasks(caller(body))) as ReplayPage
  expectEnd(
    results.map(({ status }) => status),
    stored(),
    refused,
    'replayTasks unauthorized',
  )
})
