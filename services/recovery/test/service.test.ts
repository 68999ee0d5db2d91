import { DEATH_CONSUMER } from '@agentfleet/protocol'
import { nodeOf } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startWorld, type Delivery } from './support.ts'

type World = Awaited<ReturnType<typeof startWorld>>
let world: World
/** The budget is 300 ms; a busy test machine gets more. */
const SOON_MS = 5_000
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => prefix + i)
const until = (holds: () => boolean | Promise<boolean>, timeout = 15_000) =>
  vi.waitUntil(holds, { timeout, interval: 5 })
const closed = (nodeId: string, timeout?: number) =>
  until(() => world.incidentOf(nodeId)?.state === 'closed', timeout)

/** Issues pointers, has them delivered, and notes that this node has them. */
async function strand(nodeId: string, count: number) {
  const before = world.deliveries.length
  world.issue(ids(`${nodeId}-`, count))
  await until(() => world.deliveries.length >= before + count)
  const given = world.deliveries.slice(before)
  await world.note(nodeId, given)
  return given
}

/** Fetches returned pointers as a load balancer does. */
async function takeUp(before: number, count: number): Promise<readonly Delivery[]> {
  await until(() => world.deliveries.length >= before + count)
  const again = world.deliveries.slice(before)
  await world.note('survivor', again)
  return again
}

beforeAll(async () => {
  world = await startWorld()
  await world.recovery()
  await world.recovery()
}, 300_000)

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

test.each([500, 5_000])(
  'all %i pointers of a dead node are returned to their queues at once, and each pointer only once',
  async (count) => {
    const nodeId = `lost${count}`
    await strand(nodeId, count)
    const before = world.deliveries.length
    await world.death(nodeId)
    const again = await takeUp(before, count)
    await closed(nodeId)
    expect(again.every(({ deliveries }) => deliveries === 2)).toBe(true)
    expect(new Set(again.map(({ taskId }) => taskId)).size).toBe(count)
    const incident = world.incidentOf(nodeId)!
    expect(incident).toMatchObject({
      tasks: count,
      redistributed: count,
      incarnation: 1,
      analysis: { by: 'policy', action: 'replace', reason: 'process-gone' },
      action: { kind: 'replace', driver: 'local', outcome: 'done' },
      outcome: { kind: 'recovered', reason: 'tasks-go-on' },
    })
    expect(incident.taskIds).toHaveLength(100)
    const tookMs = incident.redistributedAtMs! - incident.detectedAtMs
    expect(tookMs).toBeLessThan(SOON_MS)
    expect(await world.store.inflightOf(nodeId)).toEqual([])
    expect(world.replaced.filter((id) => id === nodeId)).toEqual([nodeId])
    world.finish(again)
  },
)

test('an incident is stored again at each of its stages, and its decision is recorded once', async () => {
  const given = await strand('staged', 2)
  const before = world.deliveries.length
  await world.death('staged')
  await takeUp(before, 2)
  await closed('staged')
  const stages = world
    .stagesOf('staged')
    .map(({ redistributedAtMs, analysis, action, outcome, state }) =>
      [
        state,
        redistributedAtMs !== undefined && 'redistributed',
        analysis && 'analysed',
        action?.outcome,
        outcome?.kind,
      ]
        .filter(Boolean)
        .join(' '),
    )
  expect(stages).toEqual([
    'open',
    'open redistributed',
    'open redistributed analysed',
    'open redistributed analysed under-way',
    'open redistributed analysed done',
    'closed redistributed analysed done recovered',
  ])
  const decisions = world.decisions.filter(({ about }) => about === 'staged')
  expect(decisions).toMatchObject([
    {
      service: 'recovery',
      kind: 'replace',
      acted: true,
      driver: 'local',
      policy: {
        kind: 'replace',
        reason: 'process-gone',
        figures: { strategy: 'hold-for-capacity' },
      },
      inputs: { reason: 'connection-gone', stranded: 2, deathsOfNode: 1 },
    },
  ])
  expect(world.incidentOf('staged')?.outcome?.figures).toMatchObject({
    tasksWatched: 2,
    tasksSettled: 2,
  })
  world.finish(given)
})

test('R1: the pointer of a task that already runs on another node is not taken from this node', async () => {
  const given = await strand('moved', 3)
  await world.note('other', given.slice(0, 1))
  await world.death('moved')
  await until(() => world.incidentOf('moved')?.redistributedAtMs !== undefined)
  expect(world.incidentOf('moved')?.tasks).toBe(2)
  await until(() => world.deliveriesOf('moved-2').length === 2)
  expect(world.deliveriesOf('moved-0')).toHaveLength(1)
  expect(await world.store.inflightOf('other')).toHaveLength(1)
})

test('R1: an in-flight note that a new node writes while recovery returns pointers is kept', async () => {
  const given = await strand('renoted', 1)
  const old = given.map(({ taskId, ackSubject }) => ({ taskId, nodeId: 'renoted', ackSubject }))
  await world.store.noteInflight([{ ...old[0]!, nodeId: 'next' }])
  await world.store.dropStranded(old)
  expect(await world.store.inflightOf('next')).toHaveLength(1)
  world.finish(given)
})

test('a second message about the death of the same incarnation of a node has no effect', async () => {
  expect(await world.death('moved')).toBe('already-given')
  expect(new Set(world.stagesOf('moved').map(({ id }) => id)).size).toBe(1)
})

test('an incident ends as unresolved when no node takes the returned tasks in time', async () => {
  await closed('moved', 20_000)
  expect(world.incidentOf('moved')?.outcome).toMatchObject({
    kind: 'unresolved',
    reason: 'tasks-waiting',
    figures: { tasksWatched: 2, tasksSettled: 0 },
  })
})

test('a node that is silent with its connection open is not replaced', async () => {
  await world.death('paused', { reason: 'ping-failed' })
  await closed('paused')
  expect(world.incidentOf('paused')).toMatchObject({
    analysis: { action: 'investigate', reason: 'may-resume' },
    action: { kind: 'investigate', outcome: 'not-needed' },
    outcome: { kind: 'unresolved', reason: 'node-missing' },
  })
  expect(world.replaced).not.toContain('paused')
})

test('the replacement of a node is recorded as failed when the orchestrator refuses it', async () => {
  await world.death('refused-node')
  await closed('refused-node')
  expect(world.incidentOf('refused-node')).toMatchObject({
    action: { kind: 'replace', outcome: 'failed' },
    outcome: { kind: 'unresolved', reason: 'action-failed' },
  })
})

test('a node that sends heartbeats again after its death was declared keeps its tasks', async () => {
  const given = await strand('resumed', 1)
  await world.say([nodeOf('resumed', { incarnation: 2, active: 1 })])
  await world.death('resumed')
  await closed('resumed')
  expect(world.incidentOf('resumed')).toMatchObject({
    tasks: 0,
    analysis: { action: 'none', reason: 'resumed', strategy: 'nothing-to-do', impact: 'none' },
    outcome: { kind: 'resumed' },
  })
  expect(world.deliveriesOf('resumed-0')).toHaveLength(1)
  world.finish(given)
})

test('the incident is closed when the fleet has its former number of nodes', async () => {
  await world.say([nodeOf('short'), nodeOf('beside')])
  await world.death('short')
  await until(() => world.incidentOf('short')?.action?.outcome === 'done')
  await world.say([nodeOf('beside'), nodeOf('fresh', { startedAtMs: Date.now() })])
  await closed('short')
  expect(world.incidentOf('short')?.outcome).toMatchObject({
    kind: 'recovered',
    reason: 'node-back',
    figures: { nodesBefore: 2, nodesAfter: 2 },
  })
})

test('R2: if Redis is unavailable, the incident says that the tasks are delivered again only after their leases have expired', async () => {
  await strand('unread', 2)
  await world.redis.stop('SIGKILL')
  await world.death('unread')
  await closed('unread', 30_000)
  expect(world.incidentOf('unread')).toMatchObject({
    tasks: 0,
    analysis: { reason: 'process-gone, notes unreadable' },
    outcome: { kind: 'unresolved', reason: 'tasks-unknown' },
  })
  expect(world.deliveriesOf('unread-0')).toHaveLength(1)
  await world.redis.restart()
  await until(() =>
    world.store.builtSeq().then(
      () => true,
      () => false,
    ),
  )
}, 60_000)

test('recovery is not ready while NATS has nothing from which deaths are read, and is ready again by itself', async () => {
  const { service } = await world.recovery()
  await until(() => service.ready?.().ok === true)
  const manager = await world.bus.nats.jetstreamManager()
  const { config } = await manager.consumers.info('OPS', DEATH_CONSUMER)
  await manager.consumers.delete('OPS', DEATH_CONSUMER)
  await until(() => service.ready?.().reason === 'deaths-not-read')
  await manager.consumers.add('OPS', config)
  await until(() => service.ready?.().ok === true)
})
