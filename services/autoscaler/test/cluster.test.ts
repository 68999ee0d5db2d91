import type { Snapshot } from '@agentfleet/protocol'
import { isAllowed, nodeOf, startKubernetes } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { orchestratorOf, startWorld } from './support.ts'

/** The whole autoscaler against a cluster: heartbeats on the bus, and the API server of Kubernetes. */
let world: Awaited<ReturnType<typeof startWorld>>
let cluster: Awaited<ReturnType<typeof startKubernetes>>
const until = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 15_000, interval: 10 })

beforeAll(async () => {
  world = await startWorld()
  cluster = await startKubernetes(2)
}, 300_000)
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  await world?.[Symbol.asyncDispose]()
})

/** Heartbeats of the ready pods, as the monitor publishes them. */
function nodes(active: (pod: string) => number): Snapshot['nodes'] {
  return cluster
    .names()
    .map((id) => nodeOf(id, { slots: 100, active: active(id), responseMs: 1_000 }))
}

test('the autoscaler grows the Deployment once on demand, later removes idle pods, and does not change anything else', async () => {
  const { deployment, namespace, apiUrl, tokenFile } = cluster.target
  const orchestrator = await orchestratorOf({
    DRIVER: 'kubernetes',
    K8S_DEPLOYMENT: deployment,
    K8S_NAMESPACE: namespace,
    K8S_API_URL: apiUrl,
    K8S_TOKEN_FILE: tokenFile,
  })
  world.tell({ nodes: nodes(() => 100), running: 200, queued: 140 })
  const service = await world.autoscaler(() => true, { orchestrator })
  try {
    await until(() => world.decisions.some(({ acted }) => acted))
    expect(cluster.replicas()).toBe(4)
    expect(world.decisions.find(({ acted }) => acted)).toMatchObject({
      kind: 'scale-out',
      driver: 'kubernetes',
      inputs: { nodes: 2, decided: 4 },
    })
    // The autoscaler must not order the unready pods again, however long they take.
    const patches = () => cluster.requests.filter(({ method }) => method === 'PATCH').length
    const asked = cluster.requests.length
    await until(() => cluster.requests.length > asked + 20)
    expect(patches()).toBe(1)
    for (const name of cluster.names()) cluster.ready(name)
    const busy = cluster.names().at(-1) ?? ''
    world.tell({ nodes: nodes((pod) => (pod === busy ? 30 : 0)), running: 30 })
    await until(() => cluster.replicas() === 2)
    await until(() => cluster.terminating().length === 2)
    // The controller itself would have removed the newest pod.
    expect(cluster.names()).toContain(busy)
    expect(cluster.requests.filter((request) => !isAllowed(request))).toEqual([])
  } finally {
    await service.drain(2_000)
  }
})
