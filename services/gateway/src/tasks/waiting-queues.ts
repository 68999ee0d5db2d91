import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import type { Clock } from '@agentfleet/runtime'
import type { Reader } from './reads.ts'
import type { HeldRequests } from './held-requests.ts'

/**
 * Requests held until their task has ended, bounded per tenant. Invariant: what is answered was read
 * from the log or folded from all of its events, whatever was lost on the way (L6).
 */
export interface Waiting {
  /** A held request; undefined when the tenant has too many: it is then answered at once. */
  open(tenant: string, taskId: string): HeldRequest | undefined
}

/** One held request. */
export interface HeldRequest {
  /** The task when it has ended, or as it is when the time is over. */
  ending(record: TaskRecord, withinSeconds: number): Promise<TaskRecord>
  /** Whoever asked is gone. */
  release(): void
  close(): void
}

/** No held requests. */
export function createWaiting(deps: {
  heldRequests: HeldRequests
  reader: Pick<Reader, 'load'>
  perTenantMax: number
  clock: Clock
}): Waiting {
  const { heldRequests, reader, perTenantMax, clock } = deps
  const perTenant = new Map<string, number>()
  return {
    open(tenant, taskId) {
      const held = perTenant.get(tenant) ?? 0
      if (held >= perTenantMax) return undefined
      perTenant.set(tenant, held + 1)
      const waiter = heldRequests.open(taskId)
      return {
        release: () => waiter.release(),
        close() {
          waiter.close()
          const left = (perTenant.get(tenant) ?? 1) - 1
          if (left === 0) perTenant.delete(tenant)
          else perTenant.set(tenant, left)
        },
        async ending(record, withinSeconds) {
          const untilMs = clock.monotonicMs() + withinSeconds * 1_000
          for (;;) {
            const news = await waiter.news(untilMs - clock.monotonicMs())
            const folded = news === 'over' ? waiter.fold(record) : undefined
            if (folded !== undefined && isTerminal(folded.state)) return folded
            // The task is accepted: failing to read it again must not look like a refusal.
            const read = (await reader.load(taskId).catch(() => undefined)) ?? record
            if (isTerminal(read.state) || news !== 'missed') return read
          }
        },
      }
    },
  }
}
