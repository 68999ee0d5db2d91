import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createKubernetes } from '../../src/orchestrator/kubernetes.ts'

/** Stands for an API server: pods by name, faults by verb; notes everything it was asked. */
const TOKEN = 'token-of-the-service-account'
const PODS = '/api/v1/namespaces/fleet/pods/'
type Pod = { metadata: Record<string, unknown>; [field: string]: unknown }
const pods = new Map<string, Pod>()
const faults = new Map<string, number | 'silent'>()
let asked: string[] = []

const server = createServer((request, response) => {
  const name = (request.url ?? '').startsWith(PODS) ? request.url!.slice(PODS.length) : undefined
  asked.push(`${request.method} ${request.url}`)
  let body = ''
  request.on('data', (chunk) => (body += String(chunk)))
  request.on('end', () => {
    const answer = (status: number, object: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(object))
    }
    const refuse = (code: number): void => answer(code, { kind: 'Status', status: 'Failure', code })
    const fault = faults.get(request.method ?? '')
    if (fault === 'silent') return
    if (fault !== undefined) return refuse(fault)
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(401)
    const pod = name === undefined ? undefined : pods.get(name)
    if (name === undefined || pod === undefined) return refuse(404)
    if (request.method === 'GET') return answer(200, pod)
    if (request.method !== 'DELETE') return refuse(405)
    const wanted = (JSON.parse(body) as { preconditions?: { uid?: string } }).preconditions?.uid
    if (wanted !== pod.metadata['uid']) return refuse(409)
    pods.delete(name)
    return answer(200, pod)
  })
})
let dir: string
let url: string
const podOf = (name: string, change: Partial<Pod> = {}): Pod => ({
  metadata: { name, uid: `uid-of-${name}`, labels: { 'app.kubernetes.io/name': 'agent-worker' } },
  spec: { nodeName: 'host-1', containers: [] },
  status: { containerStatuses: [{ name: 'worker', restartCount: 1 }] },
  ...change,
})
const connect = (callWithinMs = 5_000) =>
  createKubernetes(
    {
      namespace: 'fleet',
      app: 'agent-worker',
      apiUrl: url,
      tokenFile: join(dir, 'token'),
      caFile: undefined,
    },
    callWithinMs,
  )

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'recovery-'))
  await writeFile(join(dir, 'token'), TOKEN)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  pods.clear()
  faults.clear()
  asked = []
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(dir, { recursive: true, force: true })
})

test('deletes exactly the pod of the node, by its uid', async () => {
  pods.set('agent-worker-1', podOf('agent-worker-1'))
  pods.set('agent-worker-2', podOf('agent-worker-2'))
  expect(await connect().replace('agent-worker-1')).toBe('ordered')
  expect([...pods.keys()]).toEqual(['agent-worker-2'])
  expect(asked).toEqual([`GET ${PODS}agent-worker-1`, `DELETE ${PODS}agent-worker-1`])
})

test('K1: a name from the bus that is no worker is never deleted', async () => {
  const labels = { 'app.kubernetes.io/name': 'agent-gateway' }
  pods.set('agent-gateway-1', podOf('agent-gateway-1', { metadata: { uid: 'u', labels } }))
  await expect(connect().replace('agent-gateway-1')).rejects.toMatchObject({
    code: 'orchestrator-unavailable',
    retryable: false,
  })
  expect(asked).toEqual([`GET ${PODS}agent-gateway-1`])
})

test('a name that would lead out of the pods is escaped', async () => {
  await connect().replace('../secrets/x')
  expect(asked).toEqual([`GET ${PODS}..%2Fsecrets%2Fx`])
})

test('K2: a pod that has taken the name meanwhile stays', async () => {
  pods.set('agent-worker-1', podOf('agent-worker-1'))
  faults.set('DELETE', 409)
  expect(await connect().replace('agent-worker-1')).toBe('gone')
  expect(pods.size).toBe(1)
})

test('a pod that is not there, or is leaving, needs no replacement', async () => {
  expect(await connect().replace('agent-worker-9')).toBe('gone')
  const metadata = {
    ...podOf('agent-worker-1').metadata,
    deletionTimestamp: '2026-01-01T00:00:00Z',
  }
  pods.set('agent-worker-1', podOf('agent-worker-1', { metadata }))
  expect(await connect().retire('agent-worker-1')).toBe('gone')
  expect(await connect().look('agent-worker-1')).toMatchObject({ gone: true })
})

test('says what the cluster knows of the process', async () => {
  const terminated = { reason: 'OOMKilled', exitCode: 137 }
  const containerStatuses = [{ name: 'worker', restartCount: 4, lastState: { terminated } }]
  pods.set('agent-worker-1', podOf('agent-worker-1', { status: { containerStatuses } }))
  expect(await connect().look('agent-worker-1')).toEqual({
    gone: false,
    restarts: 4,
    outOfMemory: true,
    host: 'host-1',
  })
})

test('403: says which right is missing, and is not worth repeating', async () => {
  pods.set('agent-worker-1', podOf('agent-worker-1'))
  faults.set('DELETE', 403)
  await expect(connect().replace('agent-worker-1')).rejects.toMatchObject({
    message: 'the role of recovery lacks the verb "delete" on pods',
    retryable: false,
  })
})

test('K3: a server that takes the connection and never answers costs its deadline', async () => {
  faults.set('GET', 'silent')
  const startedMs = performance.now()
  await expect(connect(200).replace('agent-worker-1')).rejects.toMatchObject({
    code: 'orchestrator-unavailable',
    retryable: true,
  })
  expect(performance.now() - startedMs).toBeLessThan(3_000)
})

test('a server in trouble is worth repeating', async () => {
  faults.set('GET', 503)
  await expect(connect().look('agent-worker-1')).rejects.toMatchObject({ retryable: true })
})
