import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectRegistry } from '../../src/registry/registry.ts'
import { eventually, startTestServers, type TestServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** An entry in a real Consul stays registered for as long as its service lives. */
let servers: TestServers<'consul'>
let probes: Server
let healthy = true
const log = { debug() {}, info() {}, warn() {}, error() {} }
const SOON_MS = 30_000

beforeAll(async () => {
  servers = await startTestServers(['consul'])
  probes = createServer((_, answer) => answer.writeHead(healthy ? 200 : 503).end())
  await new Promise<void>((resolve) => probes.listen(0, '127.0.0.1', resolve))
}, 60_000)
afterAll(async () => {
  probes?.close()
  await servers?.[Symbol.asyncDispose]()
})

const entry = (id: string) => {
  const { port } = probes.address() as AddressInfo
  return { id, name: 'agent-worker', host: '127.0.0.1', port }
}
const states = async (): Promise<Record<string, string>> => {
  const answer = await fetch(`${servers.consul.url}/v1/health/checks/agent-worker`)
  const checks = (await answer.json()) as { ServiceID: string; Status: string }[]
  return Object.fromEntries(checks.map(({ ServiceID, Status }) => [ServiceID, Status]))
}
const forget = async (id: string, what = 'service'): Promise<void> => {
  const answer = await fetch(`${servers.consul.url}/v1/agent/${what}/deregister/${id}`, {
    method: 'PUT',
  })
  expect(answer.status).toBe(200)
}

test('REG-1: all entries of a service that Consul has lost are registered again', async () => {
  const registry = connectRegistry({ url: servers.consul.url, log })
  const kept = await Promise.all(['n1', 'n2', 'n3'].map((id) => registry.register(entry(id))))
  for (const id of ['n1', 'n2', 'n3']) await forget(id)
  await eventually(async () => {
    expect(Object.keys(await states()).sort()).toEqual(['n1', 'n2', 'n3'])
  }, SOON_MS)
  await Promise.all(kept.map((registration) => registration.close()))
  expect(await states()).toEqual({})
})

test('REG-1: a service whose check Consul has lost gets its check again', async () => {
  const registry = connectRegistry({ url: servers.consul.url, log })
  const kept = await registry.register(entry('n6'))
  await forget('service:n6', 'check')
  await eventually(async () => expect(await states()).toEqual({ n6: 'passing' }), SOON_MS)
  await kept.close()
})

test('REG-1: the entries of a service are registered again after Consul has started without its data', async () => {
  const registry = connectRegistry({ url: servers.consul.url, log })
  const kept = await registry.register(entry('n4'))
  await servers.consul.restart()
  await eventually(async () => expect(await states()).toEqual({ n4: 'passing' }), SOON_MS)
  await kept.close()
  expect(await states()).toEqual({})
})

test('REG-2: an entry in Consul whose check fails stays registered as critical', async () => {
  const registry = connectRegistry({ url: servers.consul.url, log })
  const kept = await registry.register(entry('n5'))
  healthy = false
  await eventually(async () => expect(await states()).toEqual({ n5: 'critical' }), SOON_MS)
  const seen: string[] = []
  // Longer than two looks: each would have made it passing again.
  await eventually(async () => {
    seen.push((await states())['n5'] ?? 'missing')
    expect(seen.length).toBeGreaterThan(100)
  }, SOON_MS)
  expect(new Set(seen)).toEqual(new Set(['critical']))
  healthy = true
  await kept.close()
})

test.each(['away', 'frozen'])(
  'REG-4: a service starts while Consul is %s, and is registered once Consul is back',
  async (state) => {
    const id = `n-${state}`
    const { consul } = servers
    if (state === 'away') await consul.stop()
    else consul.kill('SIGSTOP')
    // The signal of a freeze takes effect a moment later.
    const probe = () =>
      fetch(`${consul.url}/v1/status/leader`, { signal: AbortSignal.timeout(200) })
    await eventually(() => expect(probe()).rejects.toThrow(), SOON_MS)
    const registry = connectRegistry({ url: consul.url, log })
    const kept = await registry.register(entry(id))
    expect(registry.connected()).toBe(false)
    if (state === 'away') await consul.restart()
    else consul.kill('SIGCONT')
    await eventually(async () => expect(await states()).toEqual({ [id]: 'passing' }), SOON_MS)
    await eventually(() => expect(registry.connected()).toBe(true), SOON_MS)
    await kept.close()
  },
)
