import { createClient } from '@agentfleet/client'
import type { KeyRequest } from '@agentfleet/protocol'
import { eventually, startTestFleet, withRedis, type TestFleet } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'

/** Keys on a whole fleet with two gateways, while tasks arrive. */
const ADMIN = 'the-admin-key-of-this-test-0123456789'
const ROTATIONS = 20
const CALLERS = 8
const SOON_MS = 30_000
/** Longer than the test takes: only the next rotation ends a former secret. */
const OVERLAP_S = 60
const SCOPES: KeyRequest['scopes'] = ['tasks:read', 'tasks:write']

let test: TestFleet
beforeAll(async () => {
  const env = { gateway: { ADMIN_KEY: ADMIN } }
  test = await startTestFleet({ workers: 1, replicas: { gateway: 2 }, env })
}, 120_000)
afterAll(() => test[Symbol.asyncDispose]())

const admin = (url: string) => createClient({ baseUrl: url, apiKey: ADMIN })

function submit(url: string, key: string): Promise<Response> {
  return fetch(`${url}/v1/tasks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"task":"x","model":"echo"}',
  })
}

async function statusAt(url: string, key: string): Promise<number> {
  const answer = await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${key}` } })
  await answer.text()
  return answer.status
}

/** Opens a stream; `closed` resolves with its close code. */
async function openStream(url: string, key: string): Promise<{ closed: Promise<number> }> {
  const headers = { authorization: `Bearer ${key}` }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, { headers })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return { closed }
}

describe('on a fleet with two gateways', { timeout: 120_000 }, () => {
  it('twenty rotations of a key under load make no request fail, and the first secret is refused afterwards', async () => {
    const { urls } = test.fleet
    const [first = '', second = ''] = urls
    const made = await admin(first).createKey({ name: 'ci', tenant: 'acme', scopes: SCOPES })
    let { key } = made
    let running = true
    const statuses = new Map<number, number>()
    /** The secret of the latest answered request, by caller. */
    const used: string[] = []
    const load = async (caller: number) => {
      for (let sent = caller; running; sent += 1) {
        const own = key
        const answer = await submit(urls[sent % urls.length] ?? '', own)
        await answer.body?.cancel()
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        used[caller] = own
      }
    }
    const loads = Array.from({ length: CALLERS }, (_, at) => load(at))
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      const url = rotation % 2 === 0 ? first : second
      key = (await admin(url).rotateKey(made.id, { overlapSeconds: OVERLAP_S })).key
      // The next rotation ends the former secret, so no request with it may be under way then.
      await eventually(() => expect(new Set(used)).toEqual(new Set([key])), SOON_MS)
    }
    running = false
    await Promise.all(loads)
    expect([...statuses.keys()]).toEqual([202])
    expect(statuses.get(202)).toBeGreaterThanOrEqual(ROTATIONS * CALLERS)
    expect(await statusAt(second, made.key)).toBe(401)
  })

  it('a restart of all gateways and a wiped Redis change no key, and a revoked key and its streams end at every gateway within two seconds', async () => {
    const { fleet } = test
    const [first = '', second = ''] = fleet.urls
    const made = await admin(first).createKey({ name: 'ci', tenant: 'acme', scopes: SCOPES })
    const revoked = await admin(first).createKey({ name: 'ci', tenant: 'acme', scopes: SCOPES })
    await admin(second).revokeKey(revoked.id)
    await withRedis(fleet.redisUrl, (redis) => redis.flushall())
    const gateways = fleet.members('gateway')
    const pids = gateways.map((each) => each.pid())
    for (const each of gateways) each.kill('SIGKILL')
    await eventually(() => {
      for (const [index, each] of gateways.entries()) expect(each.pid()).not.toBe(pids[index])
    }, SOON_MS)
    await Promise.all(gateways.map((each) => each.ready(SOON_MS)))
    for (const url of fleet.urls) {
      await eventually(async () => expect(await statusAt(url, made.key)).toBe(200), SOON_MS)
      expect(await statusAt(url, revoked.key)).toBe(401)
    }
    const streams = await Promise.all(fleet.urls.map((url) => openStream(url, made.key)))
    const startedMs = performance.now()
    await admin(second).revokeKey(made.id)
    expect(await Promise.all(streams.map(({ closed }) => closed))).toEqual([4401, 4401])
    for (const url of fleet.urls) expect(await statusAt(url, made.key)).toBe(401)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })
})
