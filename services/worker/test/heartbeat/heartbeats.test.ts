import { type Load, CHANNELS } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHeartbeats } from '../../src/heartbeat/heartbeats.ts'
import { createRuns } from '../../src/node/runs.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const ITEM = { tenant: 't', seq: 5, deadlineAtMs: 1, fenced: false, claim: 'c' }
const PROGRESS = { heard: 0, calling: 0, ended: 0, throttled: 0 }

let servers: SecuredServers
beforeAll(async () => {
  servers = await startSecuredServers({ log })
})
afterAll(() => servers[Symbol.asyncDispose]())

describe('the heartbeats of a node', () => {
  test('report the first change after a quiet interval at once, and report the changes that soon follow together', async () => {
    const { runs, clock, loads, order } = await startNode('w1')
    const first = runs.add({ ...ITEM, taskId: 'a' }, 0, 0)
    // Timers of one process fire in the order in which they are due, however late.
    setTimeout(() => order.push('10 ms later'), 10)
    await eventually(() => expect(order).toHaveLength(2))
    expect(order).toEqual(['said', '10 ms later'])

    order.length = 0
    clock.nowMs += 5
    runs.end(first, 'completed')
    runs.add({ ...ITEM, taskId: 'b' }, 0, 0)
    runs.add({ ...ITEM, taskId: 'c' }, 0, 0)
    setTimeout(() => order.push('10 ms later'), 10)
    await eventually(() => expect(order).toHaveLength(2))
    expect(order).toEqual(['10 ms later', 'said'])
    await eventually(() => expect(loads).toHaveLength(2))
    expect(loads.map(({ active, ended }) => ({ active, ended }))).toEqual([
      { active: 1, ended: [] },
      { active: 2, ended: ['a'] },
    ])
  })

  test('report a change at once again after a quiet interval', async () => {
    const { runs, clock, loads, order } = await startNode('w2')
    const run = runs.add({ ...ITEM, taskId: 'a' }, 0, 0)
    await eventually(() => expect(order).toEqual(['said']))
    clock.nowMs += 1_000
    runs.end(run, 'stopped')
    setTimeout(() => order.push('10 ms later'), 10)
    await eventually(() => expect(order).toHaveLength(3))
    expect(order).toEqual(['said', 'said', '10 ms later'])
    await eventually(() => expect(loads.at(-1)).toMatchObject({ active: 0, ended: ['a'] }))
  })

  test('do not list a task as ended whose newer attempt has begun on the node', async () => {
    const { runs, clock, loads } = await startNode('w3')
    const first = runs.add({ ...ITEM, taskId: 'a' }, 0, 0)
    const other = runs.add({ ...ITEM, taskId: 'b' }, 0, 0)
    await eventually(() => expect(loads).toHaveLength(1))
    clock.nowMs += 5
    runs.end(first, 'replaced')
    runs.add({ ...ITEM, taskId: 'a', seq: 7 }, 0, 0)
    runs.end(other, 'completed')
    await eventually(() => expect(loads).toHaveLength(2))
    expect(loads[1]).toMatchObject({ active: 1, ended: ['b'] })
  })
})

/** Runs and heartbeats of a node on a real connection, with a manual clock. */
async function startNode(nodeId: string) {
  const bus = await servers.connect('worker')
  const loads: Load[] = []
  servers.bus.on(CHANNELS.load, (load) => void loads.push(load), { where: { nodeId } })
  await servers.bus.nats.flush()
  const clock = { nowMs: 1_000 }
  const order: string[] = []
  const runs = createRuns((over) => heartbeats.changed(over))
  const heartbeats = createHeartbeats({
    bus,
    runs: () => runs,
    // Every message first composes its figures.
    progress: () => {
      order.push('said')
      return PROGRESS
    },
    slots: 4,
    nowMs: () => clock.nowMs,
    monotonicMs: () => clock.nowMs,
    thread: {
      nodeId,
      startedAtMs: 1,
      intervalMs: 500,
      logLevel: 'silent',
      nats: { url: servers.nats.url, user: undefined, password: undefined },
    },
    wasSilent: () => undefined,
  })
  return { runs, clock, loads, order }
}
