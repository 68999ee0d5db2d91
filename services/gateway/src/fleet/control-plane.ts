import { tailOps, type Bus } from '@agentfleet/adapters'
import type { Logger } from '@agentfleet/runtime'
import { createFleetSubscriptions } from '../stream/fleet-subscriptions.ts'
import { createRecentDecisions } from './recent-decisions.ts'

/** DECISIONS_MAX decisions with three outcomes each, plus half as much for repeated records. */
const READ_BACK = 12_000

/**
 * Keeps the recent decisions and incidents of the control plane up to date from the stream OPS. Follows OPS from its end;
 * rereads a message only if the stream itself was replaced.
 */
export function followControlPlane(deps: {
  bus: Bus
  operators: ReadonlySet<string>
  log: Logger
}) {
  const recentDecisions = createRecentDecisions()
  const subscriptions = createFleetSubscriptions(deps.operators)
  const tail = tailOps(deps.bus, {
    readBack: READ_BACK,
    receive(entry) {
      const change = recentDecisions.take(entry)
      if (change !== undefined) subscriptions.deliver(change)
    },
    log: deps.log,
  })
  return { recentDecisions, subscriptions, close: () => tail.close() }
}
