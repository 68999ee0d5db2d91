import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startWorld } from './support.ts'

type World = Awaited<ReturnType<typeof startWorld>>
let world: World
/** The budget is 300 ms; a test machine that does other things as well gets more. */
const SOON_MS = 1_500
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => prefix + i)
const until = (holds: () => boolean | Promise<boolean>, timeout = 10_000) =>
  vi.waitUntil(holds, { timeout, interval: 5 })
const incidentOf = (nodeId: string) => world.incidents.find((one) => one.nodeId === nodeId)

/** Issues pointers, has them delivered, and notes that this node has them. */
async function strand(nodeId: string, count: number) {
  const before = world.deliveries.length
  world.issue(ids(`${nodeId}-`, count))
  await until(() => world.deliveries.length >= before + count)
  const given = world.deliveries.slice(before)
  await world.note(nodeId, given)
  return given
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
  'all %i pointers of a dead node are given back at once, each once',
  async (count) => {
    const nodeId = `lost${count}`
    await strand(nodeId, count)
    const before = world.deliveries.length
    await world.verdict(nodeId)
    await until(() => incidentOf(nodeId) !== undefined)
    await until(() => world.deliveries.length >= before + count)
    const again = world.deliveries.slice(before)
    expect(incidentOf(nodeId)).toMatchObject({ tasks: count, action: 'replace', incarnation: 1 })
    expect(again.every(({ deliveries }) => deliveries === 2)).toBe(true)
    expect(new Set(again.map(({ taskId }) => taskId)).size).toBe(count)
    const { detectedAtMs, redistributedAtMs } = incidentOf(nodeId)!
    expect(redistributedAtMs - detectedAtMs).toBeLessThan(SOON_MS)
    expect(await world.store.inflightOf(nodeId)).toEqual([])
    expect(world.replaced.filter((id) => id === nodeId)).toEqual([nodeId])
    world.finish(again)
  },
)

test('R1: a pointer that has moved on to another node stays with it', async () => {
  const given = await strand('moved', 3)
  await world.note('other', given.slice(0, 1))
  await world.verdict('moved')
  await until(() => incidentOf('moved') !== undefined)
  expect(incidentOf('moved')?.tasks).toBe(2)
  await until(() => world.deliveriesOf('moved-2').length === 2)
  expect(world.deliveriesOf('moved-0')).toHaveLength(1)
  expect(await world.store.inflightOf('other')).toHaveLength(1)
})

test('R1: a note written while pointers were given back is kept', async () => {
  const given = await strand('renoted', 1)
  const old = given.map(({ taskId, ackSubject }) => ({ taskId, nodeId: 'renoted', ackSubject }))
  await world.store.noteInflight([{ ...old[0]!, nodeId: 'next' }])
  await world.store.dropStranded(old)
  expect(await world.store.inflightOf('next')).toHaveLength(1)
  world.finish(given)
})

test('a second verdict on the same incarnation does nothing', async () => {
  expect(await world.verdict('moved')).toBe('already-given')
  expect(world.incidents.filter(({ nodeId }) => nodeId === 'moved')).toHaveLength(1)
})

test('a node that is silent with its connection open is not replaced', async () => {
  await world.verdict('paused', { reason: 'ping-failed' })
  await until(() => incidentOf('paused') !== undefined)
  expect(incidentOf('paused')?.action).toBe('investigate')
  expect(world.replaced).not.toContain('paused')
})

test('a node that resumed keeps what it holds', async () => {
  const given = await strand('resumed', 1)
  const beat = { nodeId: 'resumed', incarnation: 2, version: 1, slots: 1, active: 1, queued: 0 }
  const rest = { cpu: 0, memory: 0, memoryBytes: 0, lagMs: 0, responseMs: 0, completed: 0 }
  const state = {
    failed: 0,
    draining: false,
    startedAtMs: 1,
    state: 'alive',
    beatAgeMs: 0,
  } as const
  world.say({ nodes: [{ ...beat, ...rest, ...state }] })
  expect(await world.bus.roundTrip(1_000)).toBe(true)
  await world.verdict('resumed')
  await until(() => incidentOf('resumed') !== undefined)
  expect(incidentOf('resumed')).toMatchObject({ tasks: 0, action: 'none' })
  expect(world.deliveriesOf('resumed-0')).toHaveLength(1)
  world.finish(given)
})

test('R2: without Redis the incident says that the leases have to run out', async () => {
  await strand('unread', 2)
  await world.redis.stop('SIGKILL')
  await world.verdict('unread')
  await until(() => incidentOf('unread') !== undefined, 30_000)
  expect(incidentOf('unread')).toMatchObject({ tasks: 0, action: 'wait-for-lease-expiry' })
  expect(world.deliveriesOf('unread-0')).toHaveLength(1)
  await world.redis.restart()
  await until(() => world.store.ping())
}, 60_000)
