import { TIMING, type TaskRecord } from '@agentfleet/domain'
import { createLogger } from '@agentfleet/runtime'
import { eventually, PLAIN_SPEC } from '@agentfleet/testkit'
import { array, assert as check, constantFrom, property } from 'fast-check'
import { expect, test } from 'vitest'
import { createInTurn, createRequestsInTurn, firstInTurn } from '../../src/due/in-turn.ts'
import type { TaskTable } from '../../src/follower/task-table.ts'
import { createDeadlines } from '../../src/repair/deadlines.ts'
import { createRetries } from '../../src/repair/retries.ts'

/** A busy machine needs less, milliseconds. */
const SOON_MS = 20_000
/** Tasks of a crowd, then one task of a quiet tenant. */
const CROWD = 5_000
const ids = [...Array.from({ length: CROWD }, (_, at) => `crowd-${at}`), 'quiet']
const ONE_TENANT = () => 1
const tenantOf = (id: string): string => id.split('-')[0] ?? ''

/** A table in which all of these tasks are in the same state. */
function tableOf(fields: Partial<TaskRecord>): TaskTable {
  const record = (taskId: string) =>
    ({
      taskId,
      tenant: tenantOf(taskId),
      seq: 1,
      submittedAtMs: 0,
      updatedAtMs: 0,
      spec: { timeoutMs: 1 },
      ...fields,
    }) as TaskRecord
  return {
    get: (taskId: string) => record(taskId),
    records: () => ids.map(record).values(),
    size: () => ids.length,
  } as TaskTable
}

test('the entry of a tenant waits for few of the entries of another tenant, and each entry runs once (L7)', async () => {
  const ran: string[] = []
  const turns = createInTurn<string>(4, ONE_TENANT, async (id) => {
    await new Promise(setImmediate)
    ran.push(id)
  })
  for (const id of [...ids, ...ids]) turns.add(tenantOf(id), id)
  await eventually(() => expect(turns.size()).toBe(0), SOON_MS)
  expect(ran.indexOf('quiet')).toBeLessThan(10)
  // The first four ran already when they were added again.
  expect(ran).toHaveLength(ids.length + 4)
})

test('entries that never end take at most the share of their tenant, and every other tenant gets a place (L7)', () => {
  const PLACES = 16
  check(
    property(
      array(constantFrom('a', 'b', 'c', 'd'), { maxLength: 100, size: 'max' }),
      (tenants) => {
        const running: string[] = []
        const turns = createInTurn<string>(
          PLACES,
          () => 4,
          (id) => {
            running.push(tenantOf(id))
            return new Promise(() => undefined)
          },
        )
        for (const [at, tenant] of tenants.entries()) turns.add(tenant, `${tenant}-${at}`)
        expect(new Set(running)).toEqual(new Set(tenants))
        for (const tenant of new Set(tenants)) {
          expect(running.filter((each) => each === tenant).length).toBeLessThanOrEqual(PLACES / 2)
        }
      },
    ),
  )
})

test('a tenant without other tenants in the fleet may use all places', () => {
  let running = 0
  const turns = createInTurn<string>(4, ONE_TENANT, () => {
    running += 1
    return new Promise(() => undefined)
  })
  for (let at = 0; at < 10; at += 1) turns.add('a', `a-${at}`)
  expect(running).toBe(4)
})

test('nothing runs after the close', async () => {
  const ran: string[] = []
  const turns = createInTurn<string>(1, ONE_TENANT, async (id) => {
    await new Promise(setImmediate)
    ran.push(id)
  })
  for (const id of ['a', 'b']) turns.add('t', id)
  turns.close()
  turns.add('t', 'c')
  await eventually(() => expect(turns.size()).toBe(0), SOON_MS)
  expect(ran).toEqual(['a'])
})

test('a sweep of bounded size includes the task of a tenant behind the tasks of another tenant', () => {
  const first = firstInTurn(ids, tenantOf, 200)
  expect(first).toHaveLength(200)
  expect(first).toContain('quiet')
  expect(firstInTurn(ids, () => undefined, 200)).toEqual([])
})

test('a task fails at its deadline in the first round, although thousands of tasks of another tenant are due before it', async () => {
  const expired: string[] = []
  const deps = {
    tasks: tableOf({ state: 'queued' }),
    log: createLogger({ service: 'coordinator', id: 'test', level: 'silent' }),
    nowMs: () => 60_000,
  }
  const deadlines = createDeadlines(deps, async ({ taskId }) => void expired.push(taskId))
  const table = tableOf({ state: 'queued' })
  for (const record of table.records()) deadlines.note(record)
  expect(await deadlines.run()).toBe(2_000)
  expect(expired).toContain('quiet')
  // The rest is due at once, in the next rounds.
  expect(await deadlines.run()).toBe(2_000)
  expect(await deadlines.run()).toBe(CROWD + 1 - 4_000)
  expect(new Set(expired).size).toBe(ids.length)
})

test('the retry of a tenant is issued after few of the thousands of retries of another tenant that are due before it', async () => {
  const issued: string[] = []
  const spec = { ...PLAIN_SPEC, timeoutMs: 600_000 }
  const table = tableOf({ state: 'retrying', retryAtMs: 1, spec })
  const issuer = {
    once: () => Promise.resolve(false),
    surely: async ({ taskId }: TaskRecord) => {
      await new Promise(setImmediate)
      issued.push(taskId)
      return true
    },
    close: () => undefined,
  }
  const nowMs = () => 60_000
  const deps = { tasks: table, issuer, timing: TIMING, nowMs, tenants: () => 2 }
  const retries = createRetries(deps, () => undefined)
  for (const record of table.records()) retries.note(record)
  retries.run()
  await eventually(() => expect(issued).toHaveLength(ids.length), SOON_MS)
  expect(issued.indexOf('quiet')).toBeLessThan(1_100)
})

test('a request of a quiet tenant is answered next to a thousand requests of another tenant that get no answer (L7)', async () => {
  const inTurn = createRequestsInTurn(8, () => 2)
  let begun = 0
  for (let at = 0; at < 1_000; at += 1) {
    void inTurn('busy', () => {
      begun += 1
      return new Promise(() => undefined)
    })
  }
  expect(await inTurn('quiet', () => Promise.resolve('done'))).toBe('done')
  await expect(inTurn('quiet', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  expect(await inTurn('quiet', () => Promise.resolve('again'))).toBe('again')
  expect(begun).toBe(4)
})
