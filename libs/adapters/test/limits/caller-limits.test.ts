import { drawPermits } from '@agentfleet/domain'
import { startTestServers, type TestServers } from '@agentfleet/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectCallerLimits, type CallerLimits, type Logger } from '../../src/index.ts'

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
let servers: TestServers<'redis'>
let limits: CallerLimits
let redis: Redis

beforeAll(async () => {
  servers = await startTestServers(['redis'])
  limits = await connectCallerLimits({ url: servers.redis.url, log })
  redis = new Redis(servers.redis.url)
})
afterAll(async () => {
  await limits.close()
  redis.disconnect()
  await servers[Symbol.asyncDispose]()
})

/** Slow enough that the time between two commands changes no decision. */
const PER_MINUTE = 40

test.each([
  { what: 'a full bucket', left: 40, passedMs: 0, extra: 10, reserved: 20 },
  { what: 'a bucket with few permits', left: 4.5, passedMs: 0, extra: 10, reserved: 20 },
  { what: 'an empty bucket', left: 0.5, passedMs: 0, extra: 10, reserved: 20 },
  { what: 'a bucket above what the reserves leave', left: 39.5, passedMs: 30_000, extra: 0 },
  {
    what: 'a bucket that fills up to what the reserves leave',
    left: 1,
    passedMs: 45_000,
    extra: 5,
  },
  { what: 'a bucket that rested for a minute', left: 1, passedMs: 61_000, extra: 5 },
])('the script in Redis decides as drawPermits does: $what', async (given) => {
  const { what, left, passedMs, extra, reserved = 10 } = given
  const [seconds = 0, micros = 0] = await redis.time()
  const nowMs = seconds * 1_000 + Math.floor(micros / 1_000)
  const bucket = { left, atMs: nowMs - passedMs }
  await redis.hset(`callers:{${what}}`, { left, atMs: bucket.atMs })
  const ask = { extra, reserved, askedAtMs: nowMs }
  const own = drawPermits(bucket, PER_MINUTE, ask, nowMs)
  const drawn = await limits.draw(what, PER_MINUTE, ask)
  expect(drawn).toMatchObject({ kind: own.kind, extra: own.extra })
  expect(Math.abs(drawn.left - Math.max(0, own.bucket.left))).toBeLessThan(1)
})

test('a request that asks for no reserve takes one permit of a new bucket', async () => {
  const drawn = await limits.draw('new', 10)
  expect(drawn).toEqual({ kind: 'given', left: 9, extra: 0, retryAfterMs: 0 })
})

test('one question frees the places of ended requests and counts as many others as may be open', async () => {
  expect(await limits.open('busy', 3, ['a', 'b', 'c', 'd'], [])).toBe(3)
  expect(await limits.open('busy', 3, ['d'], [])).toBe(0)
  expect(await limits.open('busy', 3, ['d', 'e', 'f'], ['a', 'b', 'unknown'])).toBe(2)
  expect(await limits.open('busy', 3, [], ['c'])).toBe(0)
  expect(await redis.zrange('callers:{busy}:open', '0', '-1')).toEqual(['d', 'e'])
})
