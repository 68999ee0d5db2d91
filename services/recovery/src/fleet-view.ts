import type { Bus } from '@agentfleet/adapters'
import { freeCredits } from '@agentfleet/domain'
import { snapshotSchema, SUBJECTS, type Snapshot, type Verdict } from '@agentfleet/protocol'

/** The fleet by the latest snapshot; a hint (L6): without one nothing is assumed. */
export interface FleetView {
  credits(): number
  /** What runs under the dead node's name by now. */
  successor(verdict: Verdict): 'resumed' | 'restarted' | 'none'
  /** Resolves when a snapshot shows free credits, or after this long. */
  creditsWithin(waitMs: number): Promise<void>
  close(): void
}

/** Follows the snapshots. */
export function followFleet(bus: Bus): FleetView {
  let latest: Snapshot | undefined
  const waiting = new Set<() => void>()
  const credits = (): number => freeCredits(latest?.nodes ?? [])
  const subscription = bus.subscribe(SUBJECTS.snapshot, (message) => {
    const { data } = snapshotSchema.safeParse(JSON.parse(message.text()))
    if (data === undefined) return
    latest = data
    if (credits() > 0) for (const wake of waiting) wake()
  })
  return {
    credits,
    successor({ nodeId, incarnation, startedAtMs, reason }) {
      if (reason === 'restarted') return 'restarted'
      const node = latest?.nodes.find((known) => known.nodeId === nodeId)
      if (node === undefined || node.state === 'dead' || node.incarnation <= incarnation) {
        return 'none'
      }
      return node.startedAtMs === startedAtMs ? 'resumed' : 'restarted'
    },
    creditsWithin(waitMs) {
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, waitMs)
        waiting.add(wake)
      })
    },
    close: () => subscription.close(),
  }
}
