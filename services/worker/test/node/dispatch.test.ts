import type { Bus } from '@agentfleet/adapters'
import { timingOf } from '@agentfleet/domain'
import { CHANNELS, dispatchReplySchema, subjectOf } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { heartbeatOf, startSecuredServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { listenToDispatches } from '../../src/node/dispatch.ts'
import { createRuns, type Runs } from '../../src/node/runs.ts'

const log = createLogger({ service: 'worker', id: 'test', level: 'silent' })
const HEARTBEAT = heartbeatOf('n1', { slots: 4 })

/** Listens as a node with four slots; names each task that starts or is in doubt, and returns the runs. */
function listen(
  bus: Bus,
  heard: { start(taskId: string): void; doubt(taskId: string): void },
): Runs {
  const runs = createRuns(() => undefined)
  listenToDispatches({
    bus,
    nodeId: 'n1',
    slots: 4,
    runs,
    timing: timingOf(),
    draining: () => false,
    take: (item) => runs.add(item, 0, 0),
    doubt: ({ taskId }) => heard.doubt(taskId),
    nowMs: Date.now,
    latestMs: Date.now,
    starts: { add: ({ taskId }) => heard.start(taskId), look: () => undefined },
    heartbeat: () => HEARTBEAT,
  })
  return runs
}

test('an item of a dispatch that cannot be read is listed in the reply, and the other items start', async () => {
  await using servers = await startSecuredServers({ log })
  const bus = await servers.connect('worker')
  const balancer = await servers.connect('load-balancer')
  const started: string[] = []
  listen(bus, { start: (taskId) => started.push(taskId), doubt: () => undefined })
  await bus.roundTrip(5_000)
  const itemOf = (taskId: string) => {
    const ids = { taskId, tenant: 't', seq: 1, claim: 'c', ackSubject: `$JS.ACK.TASKS.${taskId}` }
    return { ...ids, deadlineAtMs: Date.now() + 60_000, fenced: false }
  }
  // A load balancer of another release might send this.
  const items = [itemOf('a'), { ...itemOf('b'), deadlineAtMs: 'soon' }, itemOf('c')]
  const subject = subjectOf(CHANNELS.dispatch, { nodeId: 'n1' })
  const answer = await balancer.request(subject, JSON.stringify({ balancer: 'lb', items }), 5_000)
  const text = answer.kind === 'reply' ? answer.text : answer.kind
  expect(dispatchReplySchema.parse(JSON.parse(text))).toMatchObject({
    accepted: 3,
    unreadable: [1],
  })
  expect(started).toEqual(['a', 'c'])
})

/** A node on real servers whose starts and doubts are named in order, and a load balancer. */
async function setup() {
  const servers = await startSecuredServers({ log })
  const bus = await servers.connect('worker')
  const balancer = await servers.connect('load-balancer')
  const order: string[] = []
  listen(bus, {
    start: (taskId) => order.push(`start ${taskId}`),
    doubt: (taskId) => order.push(`doubt ${taskId}`),
  })
  await bus.roundTrip(20_000)
  return { balancer, order, [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose]() }
}

test('a task whose dispatch arrives after its load balancer has given up makes no call until the coordinator confirms the run (L3)', async () => {
  await using bench = await setup()
  const { balancer, order } = bench
  const give = async (taskId: string, ageMs: number) => {
    const ids = { taskId, tenant: 't', seq: 1, claim: 'c', ackSubject: `$JS.ACK.TASKS.${taskId}` }
    const items = [{ ...ids, deadlineAtMs: Date.now() + 60_000, fenced: false }]
    const dispatch = { balancer: 'lb', sentAtMs: Date.now() - ageMs, items }
    await balancer.ask(CHANNELS.dispatch, dispatch, 5_000, { nodeId: 'n1' })
  }
  await give('early', 0)
  await give('late', 3_000)
  // A time of another clock, as a load balancer of an earlier release sends it.
  await give('ahead', -3_000)
  const starts = ['start early', 'doubt late', 'start late', 'doubt ahead', 'start ahead']
  expect(order).toEqual(starts)
})

test('a task without a pointer that was submitted so long ago that a coordinator may have issued one makes no call until the coordinator confirms the run (L3)', async () => {
  await using bench = await setup()
  const { balancer, order } = bench
  const classes = { cpu: 'low', memory: 'low', priority: 'medium' } as const
  const spec = {
    task: 'x',
    agent: 'a',
    model: 'echo',
    ...classes,
    timeoutMs: 60_000,
    maxAttempts: 3,
  }
  const give = async (taskId: string, ageMs: number, part: { ackSubject?: string } = {}) => {
    const ids = { taskId, tenant: 't', seq: 1, claim: 'c', ...part }
    const deadlineAtMs = Date.now() - ageMs + spec.timeoutMs
    const items = [{ ...ids, deadlineAtMs, fenced: false, spec }]
    const dispatch = { balancer: 'lb', sentAtMs: Date.now(), items }
    await balancer.ask(CHANNELS.dispatch, dispatch, 20_000, { nodeId: 'n1' })
  }
  await give('new', 0)
  await give('old', 2_000)
  await give('queued', 30_000, { ackSubject: '$JS.ACK.TASKS.queued' })
  expect(order).toEqual(['start new', 'doubt old', 'start old', 'start queued'])
})

test('a run keeps its pointer when its node receives the task again without one', async () => {
  await using servers = await startSecuredServers({ log })
  const bus = await servers.connect('worker')
  const balancer = await servers.connect('load-balancer')
  const runs = listen(bus, { start: () => undefined, doubt: () => undefined })
  await bus.roundTrip(20_000)
  const ids = { taskId: 'a', tenant: 't', seq: 1, claim: 'c', fenced: true }
  const item = { ...ids, deadlineAtMs: Date.now() + 60_000 }
  const give = (part: { ackSubject?: string }) => {
    const dispatch = { balancer: 'lb', sentAtMs: Date.now(), items: [{ ...item, ...part }] }
    return balancer.ask(CHANNELS.dispatch, dispatch, 20_000, { nodeId: 'n1' })
  }
  await give({ ackSubject: '$JS.ACK.TASKS.first' })
  await give({})
  expect(runs.get('a')?.ackSubject).toBe('$JS.ACK.TASKS.first')
  await give({ ackSubject: '$JS.ACK.TASKS.second' })
  expect(runs.get('a')?.ackSubject).toBe('$JS.ACK.TASKS.second')
})
