import { missingStreams } from '@agentfleet/adapters'
import { every, type Service } from '@agentfleet/runtime'
import type { PartDeps } from '../deps.ts'

/** Milliseconds; a writer repeats an append for longer, so most writers do not notice a loss. */
const LOOK_EVERY_MS = 2_000
/** Milliseconds; making the streams has a deadline that is shorter. */
const REPAIR_WITHIN_MS = 60_000

/**
 * Makes streams and consumers of the fleet again that NATS has lost, or that an operator has deleted, while the fleet
 * runs; `provision` makes everything that is missing.
 *
 * It does not wait for the log to be followed, because the log may be what is missing. Invariants: a stream that exists
 * keeps all that it holds; a coordinator is not ready while it knows that something is missing.
 */
export function createStreamRepair(
  { bus, clock, log }: Pick<PartDeps, 'bus' | 'clock' | 'log'>,
  provision: () => Promise<void>,
): Service {
  let missing: readonly string[] = []
  const look = async (): Promise<void> => {
    if (!bus.connected()) return
    missing = await missingStreams(bus)
    if (missing.length === 0) return
    log.error(
      { missing },
      'NATS lacks streams or consumers of the fleet; the coordinator makes them',
    )
    await provision()
    missing = []
  }
  const options = { clock, log, name: 'streams', runDeadlineMs: REPAIR_WITHIN_MS }
  const loop = every(LOOK_EVERY_MS, options, look)
  return {
    start: loop.start,
    drain: loop.drain,
    ready: () => (missing.length === 0 ? { ok: true } : { ok: false, reason: 'streams-missing' }),
  }
}
