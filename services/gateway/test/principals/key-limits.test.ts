import type { KeyRequest } from '@agentfleet/protocol'
import { eventually, withRedis } from '@agentfleet/testkit'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { Gateway } from '../../src/service.ts'
import { announceGateways, setup, type GatewayBench } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'

/** Two gateways on the same servers; each test has keys that no other test uses. */
let bench: GatewayBench
let other: Gateway
beforeAll(async () => {
  bench = await setup({ ADMIN_KEY: ADMIN })
  other = await bench.another()
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

async function keyWith(limits: KeyRequest['limits']): Promise<string> {
  const scopes: KeyRequest['scopes'] = ['tasks:read', 'tasks:write']
  const made = await bench
    .client(ADMIN)
    .createKey({ name: 'limited', tenant: 'acme', scopes, ...(limits && { limits }) })
  return made.key
}

function submit(url: string, key: string): Promise<Response> {
  return fetch(`${url}/v1/tasks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"task":"x"}',
  })
}

test('1,000 parallel submissions through two gateways never exceed the rate of their key', async () => {
  const key = await keyWith({ requestsPerMinute: 100 })
  await eventually(async () => {
    const me = await fetch(`${other.url()}/v1/keys`, {
      headers: { authorization: `Bearer ${key}` },
    })
    // 403: the key is known there, and a refused scope does not count.
    expect(me.status).toBe(403)
  })
  const startedMs = performance.now()
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, index) =>
      submit(index % 2 === 0 ? bench.gateway.url() : other.url(), key),
    ),
  )
  const refilled = Math.ceil(((performance.now() - startedMs) * 100) / 60_000)
  const accepted = answers.filter(({ status }) => status === 202).length
  // Every permit is used if Redis answers within 2 s; on a busy machine it may take longer.
  expect(accepted).toBeGreaterThan(0)
  expect(accepted).toBeLessThanOrEqual(100 + refilled)
  const refused = answers.filter(({ status }) => status === 429)
  expect(accepted + refused.length).toBe(1_000)
  const { headers } = refused[0] as Response
  expect(headers.get('ratelimit-policy')).toBe('"key";q=100;w=60')
  expect(headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+$/)
  expect(headers.get('x-ratelimit-remaining-requests')).toBe('0')
  expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(0)
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await refused[0]?.json()).toMatchObject({ code: 'rate-limited' })
})

test('a gateway asks Redis for few of 200 requests within the rate of their key, and for few of 20 requests beyond it', async () => {
  const asked = async (): Promise<number> => {
    const { redis } = bench.servers
    const stats = await withRedis(redis.url, (each) => each.info('commandstats'))
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  }
  const send = async (key: string): Promise<number> => {
    const headers = { authorization: `Bearer ${key}` }
    const { status, body } = await fetch(`${bench.gateway.url()}/v1/me`, { headers })
    await body?.cancel()
    return status
  }
  const key = await keyWith({ requestsPerMinute: 10_000 })
  using _counted = announceGateways(bench.bus, 1)
  // The gateway holds a reserve as soon as it knows for certain how many gateways there are.
  await eventually(async () => {
    const before = await asked()
    for (let sent = 0; sent < 200; sent += 1) expect(await send(key)).toBe(200)
    expect((await asked()) - before).toBeLessThan(10)
  }, 30_000)
  const slow = await keyWith({ requestsPerMinute: 1 })
  expect(await send(slow)).toBe(200)
  const used = await asked()
  for (let sent = 0; sent < 20; sent += 1) expect(await send(slow)).toBe(429)
  expect((await asked()) - used).toBeLessThan(10)
})

test('a key has at most its number of requests and streams open at once, over all gateways', async () => {
  const key = await keyWith({ concurrent: 2 })
  const open = async (url: string) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?access_token=${key}`)
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return socket
  }
  const first = await open(bench.gateway.url())
  await eventually(() => open(other.url()))
  const refused = await submit(other.url(), key)
  expect([refused.status, await refused.json()]).toMatchObject([
    429,
    { code: 'too-many-requests-open' },
  ])
  first.close()
  await eventually(async () => expect((await submit(other.url(), key)).status).toBe(202))
})

test('a request that finds too many requests of its key open uses up nothing of the rate of the key', async () => {
  const url = bench.gateway.url()
  const key = await keyWith({ concurrent: 1, requestsPerMinute: 3 })
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?access_token=${key}`)
  await once(socket, 'open')
  for (let tries = 0; tries < 6; tries += 1) {
    const refused = await submit(url, key)
    expect(await refused.json()).toMatchObject({ code: 'too-many-requests-open' })
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('2')
  }
  socket.close()
  await eventually(async () => expect((await submit(url, key)).status).toBe(202))
})

test('two gateways let exactly as many of 40 requests stay open as their key may have, and give the places to later requests', async () => {
  const gateways = [bench.gateway, other]
  const key = await keyWith({ concurrent: 5, requestsPerMinute: 1_000 })
  const abort = new AbortController()
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    prefer: 'wait=60',
  }
  let refused = 0
  const sent = Array.from({ length: 40 }, async (_, index) => {
    const url = `${gateways[index % 2]?.url()}/v1/tasks`
    const { signal } = abort
    const answer = await fetch(url, { method: 'POST', headers, body: '{"task":"x"}', signal })
    expect(answer.status).toBe(429)
    refused += 1
  })
  const all = Promise.allSettled(sent)
  await eventually(() => expect(refused).toBe(35), 30_000)
  abort.abort()
  await all
  expect(refused).toBe(35)
  await eventually(async () => {
    const answers = gateways.map(({ url }) => submit(url(), key))
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([202, 202])
  })
})

test('the rotation of an API key under load makes no request fail, and every gateway accepts the new secret at once', async () => {
  const admin = bench.client(ADMIN)
  const made = await admin.createKey({ name: 'ci', tenant: 'acme', scopes: ['tasks:write'] })
  let { key } = made
  let running = true
  const statuses = new Map<number, number>()
  const load = async (at: number) => {
    for (let sent = at; running; sent += 1) {
      const { url } = sent % 2 === 0 ? bench.gateway : other
      const { status, body } = await submit(url(), key)
      await body?.cancel()
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const loads = Array.from({ length: 8 }, (_, at) => load(at))
  for (let rotations = 0; rotations < 5; rotations += 1) {
    const before = statuses.get(202) ?? 0
    const rotated = await admin.rotateKey(made.id, { overlapSeconds: 60 })
    key = rotated.key
    await eventually(() => expect(statuses.get(202)).toBeGreaterThan(before + 30))
  }
  running = false
  await Promise.all(loads)
  expect([...statuses.keys()]).toEqual([202])
})
