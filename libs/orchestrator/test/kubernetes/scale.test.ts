import { createLogger, manualClock, systemClock } from '@agentfleet/runtime'
import {
  DEPLOYMENT,
  eventually,
  isAllowed,
  startKubernetes,
  type SeenRequest,
} from '@agentfleet/testkit'
import { afterEach, expect, test } from 'vitest'
import { connectKubernetes } from '../../src/kubernetes/api.ts'
import { createKubernetesOrchestrator } from '../../src/kubernetes/driver.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
/** A server that never answers has to be abandoned within a test's patience, milliseconds. */
const CALL_WITHIN_MS = 400
const WITHIN_MS = 15_000
const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A cluster and a driver on it; at the end no request may have exceeded the role. */
async function setup(replicas: number, clock = systemClock) {
  const cluster = await startKubernetes(replicas)
  const driver = createKubernetesOrchestrator({
    api: connectKubernetes(cluster.target, CALL_WITHIN_MS),
    deployment: DEPLOYMENT,
    clock,
    log,
    random: Math.random,
  })
  closing.push(async () => {
    await driver.close()
    await cluster[Symbol.asyncDispose]()
    expect(cluster.requests.filter((request) => !isAllowed(request))).toEqual([])
  })
  const ids = async () => (await driver.list()).map(({ id }) => id)
  return { cluster, driver, ids }
}

const isPatch = ({ method, path }: SeenRequest) => method === 'PATCH' && path.endsWith('/scale')
const isMark = ({ method, path }: SeenRequest) => method === 'PATCH' && path.includes('/pods/')
const isList = ({ path, query }: SeenRequest) => path.endsWith('/pods') && !query.has('watch')
const isWatch = ({ query }: SeenRequest) => query.get('watch') === 'true'

test('the nodes are exactly the pods of the Deployment, by their names, even if other pods have its labels', async () => {
  const { cluster, ids } = await setup(3)
  cluster.addStranger()
  expect((await ids()).sort()).toEqual(cluster.names().sort())
})

test('a larger count is written to the scale of the Deployment, and ordered pods count as starting until they are ready', async () => {
  const { cluster, driver } = await setup(2)
  await driver.list()
  await driver.setCount(4, [])
  expect(cluster.replicas()).toBe(4)
  await eventually(async () => {
    const nodes = await driver.list()
    expect(nodes.map(({ starting }) => starting)).toEqual([false, false, true, true])
  })
  for (const name of cluster.names()) cluster.ready(name)
  await eventually(async () => {
    expect((await driver.list()).every(({ starting }) => !starting)).toBe(true)
  })
  expect(cluster.requests.filter(isMark)).toEqual([])
})

test('K3: pods that are ordered but do not exist yet count as starting nodes', async () => {
  const { cluster, driver } = await setup(2)
  cluster.setReplicas(5, false)
  const nodes = await driver.list()
  expect(nodes.length).toBe(5)
  expect(nodes.filter(({ starting }) => starting).length).toBe(3)
})

test('exactly the pods that were chosen to stop are marked just before the scale is lowered, and the controller deletes them', async () => {
  const { cluster, driver, ids } = await setup(4)
  const [, victim = '', , other = ''] = await ids()
  const before = cluster.requests.length
  await driver.setCount(2, [victim, other])
  const changes = cluster.requests.slice(before).filter(({ method }) => method === 'PATCH')
  expect(
    changes
      .slice(0, 2)
      .map(({ path }) => path.split('/').at(-1) ?? '')
      .sort(),
  ).toEqual([victim, other].sort())
  expect(changes.slice(2).map(({ body }) => body)).toMatchObject([{ spec: { replicas: 2 } }])
  expect(cluster.terminating().sort()).toEqual([victim, other].sort())
  await eventually(async () => expect((await ids()).sort()).toEqual(cluster.names().sort()))
})

test("K1: neither another owner's pod nor an unknown one is ever marked", async () => {
  const { cluster, driver } = await setup(3)
  const stranger = cluster.addStranger()
  await driver.list()
  await driver.setCount(2, [stranger, 'no-such-pod', `${DEPLOYMENT}/1`])
  expect(cluster.requests.filter(isMark)).toEqual([])
  expect(cluster.replicas()).toBe(2)
  expect(cluster.terminating()).not.toContain(stranger)
})

test('a deletion mark that the controller did not use is removed, and the mark of another client stays', async () => {
  const clock = manualClock(Date.now())
  const { cluster, driver, ids } = await setup(3, clock)
  const [first = '', second = '', third = ''] = await ids()
  cluster.annotate(cluster.pod(third)!, '7')
  cluster.annotate(cluster.pod(second)!, '-1000')
  await eventually(() => expect(cluster.watchers()).toBe(1))
  await eventually(async () => {
    await driver.tidy()
    clock.advance(31_000)
    await driver.tidy()
    expect(cluster.marked()).toEqual([third])
  })
  expect(cluster.names()).toContain(first)
})

test('K2: after a conflict the driver reads and tries again, and gives up on an endless conflict', async () => {
  const { cluster, driver, ids } = await setup(3)
  const [victim = ''] = await ids()
  cluster.fault('conflict', isPatch, 2)
  await driver.setCount(2, [victim])
  expect(cluster.replicas()).toBe(2)
  expect(cluster.requests.filter(isPatch).length).toBe(3)
  cluster.fault('conflict', isPatch)
  const [next = ''] = await ids()
  await expect(driver.setCount(1, [next])).rejects.toThrow(/clients change .* all the time/)
  expect(cluster.replicas()).toBe(2)
  expect(cluster.requests.filter(isPatch).length).toBe(8)
  // The unused mark is removed at once.
  expect(cluster.marked().filter((name) => name === next)).toEqual([])
})

test('K2: the change of the pod count by another client is never overwritten', async () => {
  const { cluster, driver } = await setup(3)
  await driver.list()
  cluster.fault(
    'conflict',
    (request) => {
      if (isPatch(request)) cluster.setReplicas(6)
      return isPatch(request)
    },
    1,
  )
  await expect(driver.setCount(4, [])).rejects.toThrow(/another client set agent-worker to 6/)
  expect(cluster.replicas()).toBe(6)
})

test('the error of a refused Kubernetes call contains the missing verb and its object', async () => {
  const { cluster, driver, ids } = await setup(3)
  const [victim = ''] = await ids()
  cluster.fault('forbidden', isMark, 2)
  await expect(driver.setCount(2, [victim])).rejects.toThrow(/lacks the verb "patch" on pods/)
  expect(cluster.replicas()).toBe(3)
  cluster.heal()
  cluster.fault('forbidden', isPatch)
  await expect(driver.setCount(2, [victim])).rejects.toThrow(
    'lacks the verb "patch" on deployments/scale of agent-worker in agentfleet',
  )
  expect(cluster.marked()).toEqual([])
  cluster.heal()
  cluster.fault('forbidden', ({ method, path }) => method === 'GET' && path.endsWith('/scale'))
  await expect(driver.list()).rejects.toThrow(/lacks the verb "get" on deployments\/scale/)
})

test('a call to a Kubernetes server that never answers fails at its deadline', async () => {
  const { cluster, driver } = await setup(2)
  await driver.list()
  cluster.fault('silent', ({ path }) => path.endsWith('/scale'))
  const askedAtMs = performance.now()
  await expect(driver.setCount(3, [])).rejects.toThrow(/does not answer \(request: get/)
  await expect(driver.list()).rejects.toThrow(/does not answer/)
  expect(performance.now() - askedAtMs).toBeLessThan(4 * CALL_WITHIN_MS)
  expect(cluster.replicas()).toBe(2)
})

test('P1: an interrupted watch of the pods continues where it stopped, and the driver does not list the pods again', async () => {
  const { cluster, driver, ids } = await setup(2)
  await driver.list()
  await eventually(() => expect(cluster.watchers()).toBe(1))
  cluster.hush(true)
  cluster.setReplicas(3)
  cluster.hush(false)
  cluster.cutWatches()
  await eventually(async () => expect((await ids()).sort()).toEqual(cluster.names().sort()))
  expect(cluster.requests.filter(isList).length).toBe(1)
  expect(cluster.requests.filter(isWatch).length).toBeGreaterThan(1)
})

test('P1: the driver lists the pods again when the version of its watch has expired, whether an event or the answer to the watch reports this', async () => {
  const { cluster, driver, ids } = await setup(2)
  await driver.list()
  await eventually(() => expect(cluster.watchers()).toBe(1))
  for (const how of ['event', 'answer'] as const) {
    const lists = cluster.requests.filter(isList).length
    cluster.hush(true)
    cluster.remove(cluster.names()[0] ?? '')
    cluster.setReplicas(2)
    cluster.hush(false)
    if (how === 'event') cluster.compact()
    else cluster.fault('gone', isWatch, 1)
    cluster.cutWatches()
    await eventually(async () => {
      expect((await ids()).sort()).toEqual(cluster.names().sort())
    })
    expect(cluster.requests.filter(isList).length).toBe(lists + 1)
    await eventually(() => expect(cluster.watchers()).toBe(1))
  }
})

test('P2: listing the pods fails while the driver cannot watch the pods, and works again when the server is back', async () => {
  const clock = manualClock(Date.now())
  const { cluster, driver } = await setup(2, clock)
  await driver.list()
  await eventually(() => expect(cluster.watchers()).toBe(1))
  cluster.fault('forbidden', isWatch, 2)
  cluster.fault('silent', isWatch, 1)
  cluster.fault('broken', isWatch)
  cluster.cutWatches()
  // Before the limit the last state still counts.
  await eventually(() => expect(cluster.requests.filter(isWatch).length).toBeGreaterThan(4))
  await eventually(async () => {
    clock.advance(16_000)
    await expect(driver.list()).rejects.toThrow('the list of pods could not be read')
  })
  cluster.heal()
  await eventually(async () => expect((await driver.list()).length).toBe(2), 2 * WITHIN_MS)
})
