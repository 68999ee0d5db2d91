/** L9: each service can do with its token what it does in Consul, and no more. The rights are those of the guide. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultCacheDir, findBinaries, startConsul, type RunningServer } from '@agentfleet/local'
import { LEADER_KEY, SERVICES, type ServiceName } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectRegistry } from '../../src/index.ts'

const MANAGEMENT_TOKEN = '7a1c1c7e-1f1e-4b4b-9d9d-0c0ffee0c0de'
const GUIDE = new URL('../../../../docs/guides/run-in-production.md', import.meta.url)
const log = { debug() {}, info() {}, warn() {}, error() {} }
/** No service answers here: Consul lists the entry all the same. */
const entry = (id: string, name: string) => ({ id, name, host: '127.0.0.1', port: 1 })

let dir: string
let consul: RunningServer
let tokens: Readonly<Record<ServiceName, string>>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  consul = await startConsul({ binaries, dir, managementToken: MANAGEMENT_TOKEN })
  const guide = await readFile(GUIDE, 'utf8')
  const pairs = SERVICES.map(
    async (name) => [name, await tokenWith(name, rulesIn(guide, name))] as const,
  )
  tokens = Object.fromEntries(await Promise.all(pairs)) as typeof tokens
})
afterAll(async () => {
  await consul?.stop()
  await rm(dir, { recursive: true, force: true })
})

test('each service registers and finds itself in Consul', async () => {
  for (const service of SERVICES) {
    const registry = connectRegistry({ url: consul.url, token: tokens[service], log })
    const registered = await registry.register(entry(`${service}-1`, `agent-${service}`))
    expect(await asked(service, 'GET', `/v1/health/service/agent-${service}`)).toBe(200)
    await registered.close()
  }
})

test('load balancers follow the nodes, monitors read their checks, and the autoscaler leads', async () => {
  const of = (service: ServiceName) =>
    connectRegistry({ url: consul.url, token: tokens[service], log })
  const node = await of('worker').register(entry('n1', 'agent-worker'))
  const seen: (readonly string[])[] = []
  const watch = of('load-balancer').watch('agent-worker', (ids) => void seen.push(ids))
  const leadership = of('autoscaler').lead(LEADER_KEY, { holder: 'a1', ttlMs: 10_000 })
  await eventually(async () => {
    expect(seen.length).toBeGreaterThan(0)
    expect(leadership.leading()).toBe(true)
    expect(await of('health-monitor').critical('agent-worker')).toEqual(['n1'])
  })
  watch.close()
  await leadership.close()
  await node.close()
})

test('no service may register or remove another one, and only the autoscaler may take the leadership', async () => {
  const owner = connectRegistry({ url: consul.url, token: tokens.gateway, log })
  const kept = await owner.register(entry('g1', 'agent-gateway'))
  for (const service of SERVICES.filter((name) => name !== 'gateway')) {
    const forged = { ID: 'g2', Name: 'agent-gateway', Port: 1 }
    const put = (path: string, body: object = {}) => asked(service, 'PUT', path, body)
    expect(await put('/v1/agent/service/register', forged), service).toBe(403)
    expect(await put('/v1/agent/service/deregister/g1'), service).toBe(403)
    expect(await put('/v1/kv/agentfleet/other'), service).toBe(403)
    if (service === 'autoscaler') continue
    expect(await put('/v1/session/create'), service).toBe(403)
    expect(await put(`/v1/kv/${LEADER_KEY}`), service).toBe(403)
  }
  await kept.close()
})

/** The rules of the guide for this service: comments name the services, and `NAME` stands for the service. */
function rulesIn(guide: string, service: ServiceName): string {
  const block = /```text\n(# every service[^`]*)```/.exec(guide)?.[1] ?? ''
  const parts = block.split(/^# /m).slice(1)
  const title = service.replace('-', ' ')
  return parts
    .filter((part) => /^[^\n]*/.exec(part)?.[0].match(new RegExp(`every service|${title}`)))
    .map((part) => part.slice(part.indexOf('\n')).replaceAll('NAME', service))
    .join('\n')
}

async function tokenWith(name: string, Rules: string): Promise<string> {
  const put = async (path: string, body: object): Promise<{ ID: string; SecretID: string }> => {
    const answer = await call(MANAGEMENT_TOKEN, 'PUT', path, body)
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as { ID: string; SecretID: string }
  }
  const policy = await put('/v1/acl/policy', { Name: name, Rules })
  return (await put('/v1/acl/token', { Policies: [{ ID: policy.ID }] })).SecretID
}

async function asked(service: ServiceName, method: string, path: string, body?: object) {
  const answer = await call(tokens[service], method, path, body)
  await answer.arrayBuffer()
  return answer.status
}

const call = (token: string, method: string, path: string, body?: object): Promise<Response> =>
  fetch(`${consul.url}${path}`, {
    method,
    headers: { 'x-consul-token': token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
