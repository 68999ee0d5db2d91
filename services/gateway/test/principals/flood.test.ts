import { withRedis } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const CONFIG = { ADMIN_KEY: ADMIN }

test('wrong keys beyond the limit of their address get 429, and a right key from the same address is accepted at once', async () => {
  await using bench = await setup(CONFIG)
  const ask = (key: string) =>
    fetch(`${bench.gateway.url()}/v1/me`, { headers: { authorization: `Bearer ${key}` } })
  const statuses: number[] = []
  for (let tries = 0; tries < 30; tries += 1) statuses.push((await ask('wrong')).status)
  expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401))
  expect(statuses.at(-1)).toBe(429)
  const refused = await ask('wrong')
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await refused.json()).toMatchObject({ code: 'too-many-failures', status: 429 })
  expect((await ask(ADMIN)).status).toBe(200)
  const counted = async (code: string) => {
    const found = new RegExp(`gateway_refusals_total\\{[^}]*code="${code}"[^}]*\\} (\\d+)`)
    return Number(found.exec(await bench.metrics())?.[1])
  }
  // Every refusal is counted; a permit may have come back meanwhile.
  const failures = await counted('too-many-failures')
  expect(failures + (await counted('unauthorized'))).toBe(31)
  expect(failures).toBeGreaterThan(0)
})

test('wrong tickets of one address cost few questions to Redis (L7)', async () => {
  await using bench = await setup(CONFIG)
  const url = `${bench.gateway.url()}/v1/stream?ticket=`
  const startedMs = performance.now()
  const statuses = new Set<number>()
  // Those that are under way together are checked before the first of them has failed.
  const together = 10
  for (let sent = 0; sent < 400; sent += together) {
    const tries = Array.from({ length: together }, (_, at) =>
      fetch(`${url}aft_${String(sent + at).padStart(43, '0')}`),
    )
    for (const { status } of await Promise.all(tries)) statuses.add(status)
  }
  expect([...statuses].filter((status) => status !== 401 && status !== 429)).toEqual([])
  const stats = await withRedis(bench.servers.redis.url, (redis) => redis.info('commandstats'))
  const asked = Number(/cmdstat_getdel:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  const refilled = Math.ceil((performance.now() - startedMs) / 10)
  expect(asked).toBeGreaterThan(0)
  expect(asked).toBeLessThanOrEqual(20 + 100 + together + refilled)
})
