import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startWorld } from '../support.ts'

/** Recovery on a machine whose clock is wrong: other replicas read its incidents, so they have the time of the log. */
let world: Awaited<ReturnType<typeof startWorld>>
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const until = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 30_000, interval: 5 })

beforeAll(async () => {
  world = await startWorld()
}, 300_000)
afterAll(() => world?.[Symbol.asyncDispose]())

test.each([
  ['ahead', DAY_MS],
  ['behind', -DAY_MS],
])(
  'a recovery whose clock is a day %s dates the stages of an incident by the time of the log, and sees that its tasks continue',
  async (how, aheadMs) => {
    await world.stopRecoveries()
    await world.onMachine(aheadMs)
    const nodeId = `node-${how}`
    const taskId = `task-${how}`
    world.issue([taskId])
    await until(() => world.deliveriesOf(taskId).length === 1)
    await world.note(nodeId, world.deliveriesOf(taskId))
    await world.death(nodeId)
    await until(() => world.deliveriesOf(taskId).length === 2)
    await world.note('survivor', world.deliveriesOf(taskId).slice(-1))
    await until(() => world.incidentOf(nodeId)?.state === 'closed')
    const { openedAtMs, redistributedAtMs, action, analysis, outcome } = world.incidentOf(nodeId)!
    const times = [
      openedAtMs,
      redistributedAtMs,
      analysis?.atMs,
      action?.startedAtMs,
      outcome?.atMs,
    ]
    for (const atMs of times) expect(Math.abs((atMs ?? 0) - Date.now())).toBeLessThan(HOUR_MS)
    expect(outcome).toMatchObject({ kind: 'recovered', reason: 'tasks-go-on' })
    world.finish(world.deliveriesOf(taskId).slice(-1))
  },
  60_000,
)
