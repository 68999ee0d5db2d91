import { connectBus, connectStore } from '@agentfleet/adapters'
import { followFleet } from '@agentfleet/control-plane'
import { CHANNELS, type Death } from '@agentfleet/protocol'
import { systemClock } from '@agentfleet/runtime'
import { eventually, nodeOf, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { readFleet } from '../../src/fleet.ts'
import { NOTHING_GIVEN_BACK, redistribute } from '../../src/redistribution/redistribute.ts'
import { log } from '../support.ts'

/** The tasks of the first batch; one more task follows it. */
const BATCH = 500
const TASKS = BATCH + 1
/** The broker answers within this on a busy machine, milliseconds. */
const ANSWERS_WITHIN_MS = 20_000

const DEATH: Death = {
  nodeId: 'dead',
  incarnation: 1,
  state: 'dead',
  atMs: 0,
  reason: 'silence',
  phi: 9,
  silentMs: 3_000,
  startedAtMs: 1,
}

/** Real NATS and Redis, the notes of a dead node, and what recovery gives back of them. */
async function startNotes() {
  const servers = await startTestServers(['nats', 'redis'])
  const { nats, redis } = servers
  const bus = await connectBus({ url: nats.url, name: 'test', inboxPrefix: '_INBOX_t', log })
  const store = await connectStore({ url: redis.url, log })
  const notes = Array.from({ length: TASKS }, (_, index) => ({
    taskId: `task-${index}`,
    nodeId: 'dead',
    ackSubject: `acks.task-${index}`,
  }))
  await store.noteInflight(notes)
  const givenBack = new Set<string>()
  bus.subscribe('acks.>', ({ subject }) => givenBack.add(subject))
  const view = followFleet(bus, systemClock)
  return {
    bus,
    store,
    notes,
    givenBack,
    fleet: readFleet(view),
    /** The process that was declared dead continues, and a monitor says so. */
    async resume() {
      const rest = { atMs: Date.now(), monitorId: 'monitor', queued: 0, running: 0 }
      const node = nodeOf('dead', { incarnation: DEATH.incarnation + 1, startedAtMs: 1 })
      bus.send(CHANNELS.snapshot, { ...rest, nodes: [node] })
      await eventually(() => expect(view.latest()?.nodes).toHaveLength(1))
    },
    async [Symbol.asyncDispose]() {
      view.close()
      await store.close()
      await bus.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}

test('R1: recovery does not return the pointer of a task that another node takes before the batch of the task is processed', async () => {
  await using world = await startNotes()
  const { bus, store, notes, givenBack } = world
  let moved = ''
  const fleet = {
    ...world.fleet,
    // Between the batches a node takes a task of the second one.
    async creditsWithin() {
      await eventually(() => expect(givenBack.size).toBe(BATCH))
      moved = notes.find(({ ackSubject }) => !givenBack.has(ackSubject))?.taskId ?? ''
      await store.noteInflight([{ taskId: moved, nodeId: 'next', ackSubject: 'acks.next' }])
    },
  }
  const deps = { bus, store, fleet, clock: systemClock, log }
  const told: string[] = []
  const done = await redistribute(deps, DEATH, new Set(), async (taskIds) => {
    told.push(...taskIds)
  })
  await eventually(() => expect(givenBack.size).toBe(BATCH))
  expect(done).toMatchObject({ kind: 'given-back', redistributed: BATCH })
  expect(told).toHaveLength(TASKS)
  expect([...givenBack]).not.toContain(`acks.${moved}`)
  expect(await store.inflightOf('next')).toMatchObject([{ taskId: moved }])
})

test('R3: recovery returns no pointer of a node that resumes while Redis lets the notes wait', async () => {
  await using world = await startNotes()
  const { bus, fleet, givenBack } = world
  const store = {
    ...world.store,
    async inflightOf(nodeId: string) {
      await world.resume()
      return world.store.inflightOf(nodeId)
    },
  }
  const deps = { bus, store, fleet, clock: systemClock, log }
  const done = await redistribute(deps, DEATH, new Set(), async () => undefined)
  await bus.roundTrip(ANSWERS_WITHIN_MS)
  expect(givenBack.size).toBe(0)
  expect(done).toEqual(NOTHING_GIVEN_BACK)
  expect(await world.store.inflightOf('dead')).toHaveLength(TASKS)
})

test('R3: recovery keeps the later batches of a node that resumes after the first one', async () => {
  await using world = await startNotes()
  const { bus, fleet, givenBack } = world
  const store = {
    ...world.store,
    async inflightNode(taskIds: readonly string[]) {
      await world.resume()
      return world.store.inflightNode(taskIds)
    },
  }
  const deps = { bus, store, fleet, clock: systemClock, log }
  const done = await redistribute(deps, DEATH, new Set(), async () => undefined)
  await bus.roundTrip(ANSWERS_WITHIN_MS)
  expect(givenBack.size).toBe(BATCH)
  expect(done).toMatchObject({ kind: 'given-back', redistributed: BATCH })
  expect(await world.store.inflightOf('dead')).toHaveLength(TASKS - BATCH)
})
