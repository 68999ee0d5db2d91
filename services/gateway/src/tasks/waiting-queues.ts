import {
  createTally,
  decideShare,
  isTerminal,
  limitOf,
  type Tally,
  type TaskRecord,
  type TenantLimits,
} from '@agentfleet/domain'
import type { Clock } from '@agentfleet/runtime'
import type { Reader } from './reads.ts'
import type { HeldRequests } from './held-requests.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'

/**
 * Requests held until their task has ended, with a limit for each tenant and a bound in bytes (L7). Invariant:
 * each answer was read from the log or folded from all its events, even if messages were lost (L6).
 */
export type Waiting = ReturnType<typeof createWaiting>

/** Requests that all tenants share: about 100 MB of this process. */
const HELD_MAX = 20_000
/** Bytes of the bodies of held requests; the values of a body take about as much again. */
const HELD_MAX_BYTES = 64 * 1024 * 1024

/** Creates the collection, without held requests. */
export function createWaiting(deps: {
  heldRequests: HeldRequests
  reader: Pick<Reader, 'load'>
  limits: TenantLimits
  /** Returns how many tenants share the fleet. */
  tenants: () => number
  clock: Clock
}) {
  const { heldRequests, reader, limits, tenants, clock } = deps
  const requests = createTally()
  const bytes = createTally()

  /** Whether the tenant's share of what all tenants hold has room for more. */
  const fits = (held: Tally, tenant: string, capacity: number, ask: number, limit?: number) => {
    const used = held.total()
    const own = held.of(tenant)
    return decideShare({ capacity, used, own, ask, limit, tenants: tenants() }).kind === 'take'
  }

  return {
    /** Returns the number of held requests of the tenant. */
    held: requests.of,
    /** Opens a held request; returns undefined if the tenant has too many, and the caller answers at once. */
    open(tenant: string, taskId: string, bodyBytes: number) {
      if (requests.total() > 0 && bytes.total() + bodyBytes > HELD_MAX_BYTES) return undefined
      const limit = limitOf(limits, tenant).heldRequests ?? DEFAULT_LIMITS.heldRequests
      if (!fits(requests, tenant, HELD_MAX, 1, limit)) return undefined
      if (!fits(bytes, tenant, HELD_MAX_BYTES, bodyBytes)) return undefined
      requests.add(tenant, 1)
      bytes.add(tenant, bodyBytes)
      const waiter = heldRequests.open(tenant, taskId)
      return {
        /** Ends the wait because the client has left. */
        release: () => waiter.release(),
        close(): void {
          waiter.close()
          requests.add(tenant, -1)
          bytes.add(tenant, -bodyBytes)
        },
        /** Resolves with the task once it has ended, or with its current state when the time is over. */
        async ending(record: TaskRecord, withinSeconds: number): Promise<TaskRecord> {
          const untilMs = clock.monotonicMs() + withinSeconds * 1_000
          for (;;) {
            const news = await waiter.news(untilMs - clock.monotonicMs())
            const folded = news === 'over' ? waiter.fold(record) : undefined
            if (folded !== undefined && isTerminal(folded.state)) return folded
            // The task is stored, so a failed read must not look like a refused submission.
            const read = (await reader.load(taskId, tenant).catch(() => undefined)) ?? record
            if (isTerminal(read.state) || news !== 'missed') return read
          }
        },
      }
    },
  }
}
