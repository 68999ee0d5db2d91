import { connectBus, connectStore } from '@agentfleet/adapters'
import { followFleet } from '@agentfleet/control-plane'
import { systemClock } from '@agentfleet/runtime'
import { eventually, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { readFleet } from '../../src/fleet.ts'
import { redistribute } from '../../src/redistribution/redistribute.ts'
import { log } from '../support.ts'

/** The tasks of the first batch; one more task follows it. */
const BATCH = 500
const TASKS = BATCH + 1

test('R1: recovery does not return the pointer of a task that another node takes before the batch of the task is processed', async () => {
  await using servers = await startTestServers(['nats', 'redis'])
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
  let moved = ''
  const fleet = {
    ...readFleet(view),
    // Between the batches a node takes a task of the second one.
    async creditsWithin() {
      await eventually(() => expect(givenBack.size).toBe(BATCH))
      moved = notes.find(({ ackSubject }) => !givenBack.has(ackSubject))?.taskId ?? ''
      await store.noteInflight([{ taskId: moved, nodeId: 'next', ackSubject: 'acks.next' }])
    },
  }
  const deps = { bus, store, fleet, clock: systemClock, log }
  const told: string[] = []
  const done = await redistribute(deps, 'dead', new Set(), async (taskIds) => {
    told.push(...taskIds)
  })
  await eventually(() => expect(givenBack.size).toBe(BATCH))
  expect(done).toMatchObject({ kind: 'given-back', redistributed: BATCH })
  expect(told).toHaveLength(TASKS)
  expect([...givenBack]).not.toContain(`acks.${moved}`)
  expect(await store.inflightOf('next')).toMatchObject([{ taskId: moved }])
  view.close()
  await store.close()
  await bus.close()
})
