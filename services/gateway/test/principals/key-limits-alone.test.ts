import type { KeyRequest } from '@agentfleet/protocol'
import { eventually, withRedis } from '@agentfleet/testkit'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import type { Gateway } from '../../src/service.ts'
import { announceGateways, setup, type GatewayBench } from '../support.ts'

/** Limits of keys while Redis is slow, frozen or gone. */
const ADMIN = 'the-admin-key-of-this-test-0123456789'
const CONFIG = { ADMIN_KEY: ADMIN }
/** No answer of Redis that counts travels for longer, milliseconds. */
const TRAVEL_MAX_MS = 5_000

async function keyWith(bench: GatewayBench, limits: KeyRequest['limits']): Promise<string> {
  const scopes: KeyRequest['scopes'] = ['tasks:read', 'tasks:write']
  const made = await bench
    .client(ADMIN)
    .createKey({ name: 'limited', tenant: 'acme', scopes, ...(limits && { limits }) })
  return made.key
}

/** Sends so many requests at once, in turn to each gateway; returns how many were accepted. */
async function accepted(gateways: readonly Gateway[], key: string, count: number) {
  const startedMs = performance.now()
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      fetch(`${gateways[index % gateways.length]?.url()}/v1/tasks`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: '{"task":"x"}',
      }),
    ),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status !== 202 && status !== 429)).toEqual([])
  const refused = answers.find(({ status }) => status === 429)
  return {
    count: statuses.filter((status) => status === 202).length,
    passedMs: performance.now() - startedMs,
    retryAfter: refused?.headers.get('retry-after'),
    detail: refused === undefined ? '' : ((await refused.json()) as { detail: string }).detail,
  }
}

test('150 parallel submissions through two gateways never exceed the rate of their key, although Redis answers late', async () => {
  await using bench = await setup(CONFIG)
  const other = await bench.another()
  const key = await keyWith(bench, { requestsPerMinute: 30 })
  // Each command that arrives meanwhile is answered when the pause ends.
  await withRedis(bench.servers.redis.url, (redis) => redis.client('PAUSE', 700))
  const { count, passedMs } = await accepted([bench.gateway, other], key, 150)
  expect(count).toBeLessThanOrEqual(30 + Math.ceil(((passedMs + TRAVEL_MAX_MS) * 30) / 60_000))
  expect(count).toBeGreaterThan(0)
})

test('while Redis is frozen, the gateways together let through no more than the reserve of a key and its refill', async () => {
  await using bench = await setup(CONFIG)
  const gateways = [bench.gateway, await bench.another()]
  const key = await keyWith(bench, { requestsPerMinute: 40 })
  using _counted = announceGateways(bench.bus, 2)
  // Each gateway draws reserves, an eighth of each limit, once it knows that there are two.
  const other = await keyWith(bench, { requestsPerMinute: 4_000 })
  await eventually(async () => {
    await accepted(gateways, other, 2)
    const bucket = `callers:{${other.split('_')[1]}}`
    const left = await withRedis(bench.servers.redis.url, (redis) => redis.hget(bucket, 'left'))
    expect(Number(left)).toBeLessThan(4_000 - 2 * 500)
  })
  expect((await accepted(gateways, key, 2)).count).toBe(2)
  const redis = bench.servers.redis.pid
  process.kill(redis, 'SIGSTOP')
  try {
    const frozen = await accepted(gateways, key, 100)
    const refill = Math.ceil((frozen.passedMs * 40) / 60_000)
    expect(frozen.count).toBeGreaterThanOrEqual(8)
    expect(frozen.count).toBeLessThanOrEqual(2 * 5 + refill)
    expect(frozen.detail).toContain('Redis does not answer')
    expect(Number(frozen.retryAfter)).toBeGreaterThan(0)
  } finally {
    process.kill(redis, 'SIGCONT')
  }
  await eventually(async () => {
    const { detail } = await accepted(gateways, key, 50)
    expect(detail).toMatch(/^This key may send 40 requests a minute. Send/)
  })
})

test('a key that has used up its rate stays refused when Redis is gone, and gets its refill', async () => {
  await using bench = await setup(CONFIG)
  const gateways = [bench.gateway]
  const key = await keyWith(bench, { requestsPerMinute: 60 })
  expect((await accepted(gateways, key, 80)).count).toBeGreaterThanOrEqual(60)
  await bench.servers.redis.stop()
  const { count, passedMs } = await accepted(gateways, key, 80)
  expect(count).toBeLessThanOrEqual(1 + Math.ceil(passedMs / 1_000))
  await eventually(async () => {
    expect((await accepted(gateways, key, 1)).count).toBe(1)
  })
})

test('a request whose client leaves while Redis is frozen does not count as open afterwards', async () => {
  await using bench = await setup(CONFIG)
  const gateways = [bench.gateway]
  const key = await keyWith(bench, { concurrent: 1 })
  expect((await accepted(gateways, key, 1)).count).toBe(1)
  const redis = bench.servers.redis.pid
  process.kill(redis, 'SIGSTOP')
  try {
    const leaving = request(`${bench.gateway.url()}/v1/tasks`, {
      headers: { authorization: `Bearer ${key}` },
    })
    leaving.on('error', () => undefined).end()
    await new Promise((resolve) => leaving.once('finish', resolve))
    leaving.destroy()
  } finally {
    process.kill(redis, 'SIGCONT')
  }
  await eventually(async () => expect((await accepted(gateways, key, 1)).count).toBe(1))
})
