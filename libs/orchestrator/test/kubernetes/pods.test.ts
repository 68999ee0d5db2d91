import { createLogger, systemClock } from '@agentfleet/runtime'
import { DEPLOYMENT, isAllowed, startKubernetes, type SeenRequest } from '@agentfleet/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectKubernetes } from '../../src/kubernetes/api.ts'
import { createKubernetesOrchestrator } from '../../src/kubernetes/driver.ts'

/** Single pods: inspected, replaced and retired. */
const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
let cluster: Awaited<ReturnType<typeof startKubernetes>>
const connect = (callWithinMs = 5_000) =>
  createKubernetesOrchestrator({
    api: connectKubernetes(cluster.target, callWithinMs),
    deployment: DEPLOYMENT,
    clock: systemClock,
    log,
    random: Math.random,
  })
const is =
  (verb: string) =>
  ({ method }: SeenRequest): boolean =>
    method === verb
const asked = () => cluster.requests.map(({ method, path }) => `${method} ${path}`)
const PODS = '/api/v1/namespaces/agentfleet/pods/'

beforeEach(async () => {
  cluster = await startKubernetes(2)
})
afterEach(async () => {
  expect(cluster.requests.filter((request) => !isAllowed(request))).toEqual([])
  await cluster[Symbol.asyncDispose]()
})

test('replacing a node deletes exactly its pod', async () => {
  const [first = '', second = ''] = cluster.names()
  expect(await connect().replace(first)).toBe('ordered')
  expect(cluster.terminating()).toEqual([first])
  expect(cluster.names()).toContain(second)
  expect(asked()).toEqual([`GET ${PODS}${first}`, `DELETE ${PODS}${first}`])
})

test('K1: a pod that the Deployment does not own is never deleted, even with the label of the workers', async () => {
  const stranger = cluster.addStranger()
  await expect(connect().replace(stranger)).rejects.toMatchObject({
    code: 'orchestrator-unavailable',
    retryable: false,
  })
  expect(asked()).toEqual([`GET ${PODS}${stranger}`])
})

test('the driver escapes the name of a pod that would lead to another path of the Kubernetes API', async () => {
  await connect().replace('../secrets/x')
  expect(asked()).toEqual([`GET ${PODS}..%2Fsecrets%2Fx`])
})

test('K4: a replacement deletes nothing when a new pod already has the name of the old pod', async () => {
  cluster.fault('conflict', is('DELETE'))
  expect(await connect().replace(cluster.names()[0] ?? '')).toBe('gone')
  expect(cluster.names()).toHaveLength(2)
})

test('a pod that terminates needs no replacement', async () => {
  const [name = ''] = cluster.names()
  cluster.terminate(cluster.pod(name)!)
  expect(await connect().retire(name)).toBe('gone')
  expect(await connect().inspect(name)).toMatchObject({ gone: true })
})

test('the inspection of a pod reports its restarts, and whether it ended because of a lack of memory', async () => {
  const [name = ''] = cluster.names()
  const pod = cluster.pod(name)!
  const terminated = { reason: 'OOMKilled', exitCode: 137 }
  pod.status.containerStatuses = [{ name: 'worker', restartCount: 4, lastState: { terminated } }]
  expect(await connect().inspect(name)).toEqual({
    gone: false,
    restarts: 4,
    outOfMemory: true,
    host: pod.spec.nodeName,
  })
})

test('a refused deletion of a pod fails with an error that names the missing right and is not retryable', async () => {
  cluster.fault('forbidden', is('DELETE'))
  await expect(connect().replace(cluster.names()[0] ?? '')).rejects.toMatchObject({
    message: expect.stringContaining('lacks the verb "delete" on pods') as unknown,
    retryable: false,
  })
})

test('a call to a Kubernetes server that never answers ends at the deadline of the call', async () => {
  cluster.fault('silent', is('GET'))
  const startedMs = performance.now()
  await expect(connect(200).replace(cluster.names()[0] ?? '')).rejects.toMatchObject({
    code: 'orchestrator-unavailable',
    retryable: true,
  })
  expect(performance.now() - startedMs).toBeLessThan(3_000)
})

test('a Kubernetes call that fails because of a fault of the server is retryable', async () => {
  cluster.fault('unwell', is('GET'))
  await expect(connect().inspect(cluster.names()[0] ?? '')).rejects.toMatchObject({
    retryable: true,
  })
})
