import { tailOps, type Bus } from '@agentfleet/adapters'
import type { Logger } from '@agentfleet/runtime'
import { createFleetFeeds, type FleetFeeds } from '../stream/fleet-subscriptions.ts'
import { createLedger, type Ledger } from './recent-decisions.ts'

/** What the control plane did lately, kept up to date from stream OPS. */
export interface ControlPlane {
  readonly ledger: Ledger
  readonly feeds: FleetFeeds
  close(): Promise<void>
}

/** The decisions of a full ledger with three outcomes each, and half as much again for repeats. */
const READ_BACK = 12_000

/** Follows OPS from its end on; reads nothing of it twice unless the stream itself was replaced. */
export function followControlPlane(deps: {
  bus: Bus
  operators: ReadonlySet<string>
  log: Logger
}): ControlPlane {
  const ledger = createLedger()
  const feeds = createFleetFeeds(deps.operators)
  const tail = tailOps(deps.bus, {
    readBack: READ_BACK,
    receive(entry) {
      const change = ledger.take(entry)
      if (change !== undefined) feeds.deliver(change)
    },
    log: deps.log,
  })
  return { ledger, feeds, close: () => tail.close() }
}
