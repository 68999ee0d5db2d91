import type { FleetView, StatsFrame } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { createStatsSubscriptions } from '../../src/stream/stats.ts'

const node = { state: 'alive', draining: false, slots: 8, active: 3 } as FleetView['nodes'][number]
const view = {
  status: 'ok',
  explanation: '',
  queued: 4,
  running: 3,
  balancers: [],
  providers: [],
  history: [],
  nodes: [node, { ...node, draining: true }, { ...node, state: 'dead' }],
} as FleetView

function viewerOf(tenant: string) {
  const frames: StatsFrame[] = []
  const viewer = { tenant, hint: (text: string) => frames.push(JSON.parse(text) as StatsFrame) > 0 }
  return { viewer, frames }
}

function statsWith(count: () => Promise<{ groups: []; exact: boolean; scanned: number }>) {
  return createStatsSubscriptions({ store: { count }, fleet: { view: () => view }, nowMs: () => 0 })
}

test('the gateway counts tasks once for all viewers of a tenant, and does not count tasks without viewers', async () => {
  let counts = 0
  const stats = statsWith(async () => {
    counts += 1
    return { groups: [], exact: true, scanned: 0 }
  })
  await stats.round()
  expect(counts).toBe(0)
  const viewers = [viewerOf('acme'), viewerOf('acme'), viewerOf('other')]
  for (const { viewer } of viewers) stats.follow(viewer)
  await stats.round()
  expect(counts).toBe(2)
  expect(viewers.map(({ frames }) => frames.length)).toEqual([1, 1, 1])
  expect(viewers[0]?.frames[0]).toMatchObject({
    type: 'stats',
    tasks: { exact: true, queued: 0 },
    fleet: { slots: 8, active: 3, nodes: { alive: 2, dead: 1, draining: 1 } },
  })
  stats.unfollow(viewers[0]!.viewer)
  await stats.round()
  expect(viewers.map(({ frames }) => frames.length)).toEqual([1, 2, 2])
})

test('a frame with statistics omits the counts of tasks while Redis does not answer', async () => {
  const stats = statsWith(() => Promise.reject(new Error('away')))
  const { viewer, frames } = viewerOf('acme')
  stats.follow(viewer)
  await stats.round()
  expect(frames[0]).not.toHaveProperty('tasks')
})
