import type { Store } from '@agentfleet/adapters'
import { TASK_STATES } from '@agentfleet/domain'
import type { FleetView, StatsFrame } from '@agentfleet/protocol'
import { isoTime } from '../tasks/views.ts'
import type { Viewer } from './subscriptions.ts'
import { createTenantViewers } from './tenant-subscriptions.ts'

type StatsViewer = Pick<Viewer, 'tenant' | 'hint'>

/**
 * The viewers that follow the numbers of their tenant's tasks and of the fleet.
 *
 * Each round counts once for a tenant and sends the same frame to all of its viewers, so the work does not grow
 * with the viewers. Invariants (L7): one round runs at a time, and a frame is dropped for a viewer that reads
 * too slowly, because the next one replaces it.
 */
export type StatsSubscriptions = ReturnType<typeof createStatsSubscriptions>

/** Milliseconds between rounds: people see a change at once and can still read the numbers. */
export const STATS_INTERVAL_MS = 1_000

/** Creates the subscriptions, without viewers. */
export function createStatsSubscriptions(deps: {
  readonly store: Pick<Store, 'count'>
  readonly fleet: { view(withHistory: boolean): FleetView }
  readonly nowMs: () => number
}) {
  const { store, fleet, nowMs } = deps
  const viewers = createTenantViewers<StatsViewer>()

  async function tasksOf(tenant: string): Promise<StatsFrame['tasks']> {
    try {
      const { groups, exact, unsplit } = await store.count({ tenant, filter: {}, groupBy: 'state' })
      const counts = new Map(groups.map(({ key, count }) => [key, count]))
      const states = TASK_STATES.map((state) => [state, counts.get(state) ?? 0])
      return {
        exact,
        ...(unsplit === undefined ? {} : { unsplit }),
        ...(Object.fromEntries(states) as Record<(typeof TASK_STATES)[number], number>),
      }
    } catch {
      // Without Redis the counts are unknown; the frame says so by leaving them out.
      return undefined
    }
  }

  return {
    follow: viewers.follow,
    unfollow: viewers.unfollow,
    /** Counts for every tenant with viewers and sends the frames; call it every STATS_INTERVAL_MS. */
    async round(): Promise<void> {
      if (!viewers.some()) return
      const summary = fleetStats(fleet.view(false))
      for (const tenant of viewers.tenants()) {
        const tasks = await tasksOf(tenant)
        const at = isoTime(nowMs())
        const frame: StatsFrame = { type: 'stats', at, fleet: summary, ...(tasks && { tasks }) }
        const text = JSON.stringify(frame)
        for (const viewer of viewers.of(tenant)) viewer.hint(text)
      }
    },
  }
}

function fleetStats({ status, queued, running, nodes }: FleetView): StatsFrame['fleet'] {
  const states = { alive: 0, suspect: 0, stalled: 0, dead: 0 }
  let slots = 0
  let active = 0
  let draining = 0
  for (const node of nodes) {
    states[node.state] += 1
    if (node.draining) draining += 1
    if (node.state !== 'alive' || node.draining) continue
    slots += node.slots
    active += node.active
  }
  return { status, queued, running, slots, active, nodes: { ...states, draining } }
}
