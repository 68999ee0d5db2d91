/** L9: each service's Redis user can do what the service does, and is refused everywhere else. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultCacheDir, findBinaries, startRedis, type RunningServer } from '@agentfleet/local'
import { REDIS_RULES, REDIS_SERVICES } from '@agentfleet/protocol'
import { recordOf } from '@agentfleet/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  connectProviderLimits,
  connectStore,
  connectUsageTotals,
  type Logger,
  type Store,
} from '../../src/index.ts'

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const RETENTION_MS = 60_000
let dir: string
let redis: RunningServer
const opened: { close(): Promise<unknown> }[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const users = REDIS_SERVICES.map((name) => ({ name, password: name, rules: REDIS_RULES[name] }))
  redis = await startRedis({ binaries, dir, password: 'admin', users })
  await storeOf('coordinator').then((store) => store.project([record('a', 1)], RETENTION_MS))
})
afterAll(async () => {
  for (const one of opened) await one.close()
  await redis.stop()
  await rm(dir, { recursive: true, force: true })
})

const urlOf = (user: string): string => redis.url.replace('//', `//${user}:${user}@`)

async function storeOf(user: string): Promise<Store> {
  const store = await connectStore({ url: urlOf(user), log })
  opened.push(store)
  return store
}

const record = (taskId: string, seq: number) => recordOf(taskId, { seq })

const note = { taskId: 'a', nodeId: 'n1', ackSubject: 'x' }
const refused = {
  code: 'store-unavailable',
  message: expect.stringMatching(
    /^Redis refuses a command to this service; update the users/,
  ) as string,
  // If the refused command is part of a script, Redis uses other words.
  cause: { message: expect.stringMatching(/NOPERM|can't (run|access)|permission/) as string },
}

test('the Redis user of the coordinator may write the projection and the usage totals, and delete old entries of the projection', async () => {
  const store = await storeOf('coordinator')
  await store.project([record('a', 2), { ...record('b', 3), state: 'completed' }], RETENTION_MS)
  expect(await store.load('a')).toMatchObject({ seq: 2 })
  expect(await store.markBuilt(3, -1)).toBe(3)
  expect(await store.builtSeq()).toBe(3)
  expect(await store.inflightNode(['a'])).toEqual([undefined])
  await store.forgetExpired(() => ({ endedUntilMs: 0, early: false }))
  const usage = await connectUsageTotals({ url: urlOf('coordinator'), log })
  opened.push(usage)
  const spent = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
  const entry = { tenant: 'acme', atMs: 1, model: 'm', provider: 'p', agent: 'a', usage: spent }
  expect(await usage.add(await usage.position(), 5, [entry])).toBe(5)
  await usage.followed()
})

test('the Redis user of the gateway may read records, indexes, usage totals and what is set aside of budgets, and may not write them', async () => {
  const store = await storeOf('gateway')
  expect(await store.load('a')).toMatchObject({ taskId: 'a' })
  const query = { tenant: 'acme', filter: {} }
  expect((await store.search({ ...query, limit: 5 })).found).not.toEqual([])
  expect(await store.builtSeq()).toBe(3)
  expect((await store.search({ ...query, order: 'oldest', limit: 5 })).found).not.toEqual([])
  for (const groupBy of ['state', 'agent', 'errorCode', 'model'] as const) {
    expect(await store.count({ ...query, groupBy })).toMatchObject({ exact: true })
  }
  expect(await store.oldestQueued('acme')).toMatchObject({ taskId: 'a' })
  expect(await store.inflightNode(['a'])).toEqual([undefined])
  expect(await store.oldestQueued('acme')).toMatchObject({ taskId: 'a' })
  const usage = await connectUsageTotals({ url: urlOf('gateway'), log })
  opened.push(usage)
  await usage.read('acme', ['1970-01-01'])
  const limits = await connectProviderLimits({ url: urlOf('worker'), log })
  opened.push(limits)
  const ask = { budget: { usdPerDay: 1 }, tokens: 5, usd: 0.5 }
  await limits.reserveBudget('acme', { ...ask, id: 'c', lifetimeMs: 60_000 })
  expect(await usage.setAside('acme')).toEqual({ tokens: 5, costUsd: 0.5 })
  await expect(store.project([record('a', 9)], RETENTION_MS)).rejects.toMatchObject(refused)
  await expect(store.noteInflight([note])).rejects.toMatchObject(refused)
  await expect(usage.add(5, 6, [])).rejects.toMatchObject(refused)
  const own = await connectProviderLimits({ url: urlOf('gateway'), log })
  opened.push(own)
  const change = { ...ask, id: 'd', lifetimeMs: 60_000 }
  await expect(own.reserveBudget('acme', change)).rejects.toMatchObject(refused)
})

test('the Redis user of the load balancer may note where tasks run, and may not read tasks', async () => {
  const store = await storeOf('load-balancer')
  await store.noteInflight([note])
  await expect(store.load('a')).rejects.toMatchObject(refused)
  await expect(store.project([record('a', 9)], RETENTION_MS)).rejects.toMatchObject(refused)
})

test('the Redis user of recovery may read records and in-flight notes and delete the notes, and may not change records', async () => {
  const store = await storeOf('recovery')
  await (await storeOf('load-balancer')).noteInflight([note])
  expect(await store.inflightOf('n1')).toEqual([note])
  expect(await store.inflightNode(['a'])).toEqual(['n1'])
  expect(await store.load('a')).toMatchObject({ taskId: 'a' })
  await store.dropStranded([note])
  expect(await store.inflightOf('n1')).toEqual([])
  await expect(store.project([record('a', 9)], RETENTION_MS)).rejects.toMatchObject(refused)
  await expect(store.markBuilt(9, 3)).rejects.toMatchObject(refused)
})

test.each(REDIS_SERVICES)(
  'the Redis user %s can neither read the configuration of Redis nor wipe its data',
  async (user) => {
    const mine = new Redis(urlOf(user))
    for (const command of ['flushall', 'keys *', 'config get requirepass', 'acl list', 'monitor']) {
      const [name = '', ...words] = command.split(' ')
      await expect(mine.call(name, ...words), command).rejects.toThrow(/NOPERM/)
    }
    await expect(mine.set('limits:x', '1')).rejects.toThrow(/NOPERM/)
    mine.disconnect()
  },
)

test('a refused right or login does not read as a silent Redis, and the log names a refused command and its key once', async () => {
  const said: string[] = []
  const note = (_fields: object, message: string) => void said.push(message)
  const loud: Logger = { ...log, warn: note, error: note }
  const store = await connectStore({ url: urlOf('load-balancer'), log: loud })
  opened.push(store)
  for (let turn = 0; turn < 2; turn += 1) {
    await expect(store.load('a')).rejects.toMatchObject({ message: refused.message })
  }
  expect(said).toEqual([
    expect.stringMatching(
      /^Redis refuses [A-Z]+ \S+ to the user of this service for the store; update/,
    ),
  ])
  const url = urlOf('gateway').replace(':gateway@', ':wrong@')
  const outside = await connectStore({ url, log: loud })
  opened.push(outside)
  await expect(outside.load('a')).rejects.toMatchObject({ message: refused.message })
  expect(said[1]).toMatch(/^Redis is unavailable for the store: Redis refuses the login; update/)
})

test('Redis refuses a client that sends no password', async () => {
  const stranger = new Redis(redis.url, { lazyConnect: true, retryStrategy: () => null })
  await expect(stranger.get('task:a')).rejects.toThrow(/NOAUTH|closed/)
  stranger.disconnect()
})

test.each(REDIS_SERVICES)(
  'the Redis user of the %s may not stop Redis or its clients, read what they do, or change settings and users',
  async (user) => {
    const redis = new Redis(urlOf(user), { lazyConnect: true, disableClientInfo: true })
    await redis.connect()
    const words = (text: string): [string, ...string[]] => text.split(' ') as [string, ...string[]]
    for (const command of [
      'CLIENT PAUSE 60000 ALL',
      'CLIENT KILL TYPE normal',
      'CLIENT LIST',
      'CLIENT NO-EVICT on',
      'MONITOR',
      'SHUTDOWN NOSAVE',
      'FLUSHALL',
      'CONFIG GET *',
      'ACL LIST',
      'REPLICAOF 127.0.0.1 1',
      'SCRIPT FLUSH',
      'FUNCTION FLUSH',
      'KEYS *',
      'SCAN 0',
      'PUBLISH a b',
      'SWAPDB 0 1',
      'SELECT 1',
    ]) {
      const [name, ...args] = words(command)
      await expect(redis.call(name, ...args), command).rejects.toThrow(/NOPERM|unknown command/)
    }
    redis.disconnect()
  },
)
