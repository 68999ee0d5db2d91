import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import type { Clock } from '@agentfleet/runtime'
import type { Reader } from './reads.ts'
import type { HeldRequests } from './held-requests.ts'

/**
 * Requests held until their task has ended, with a limit for each tenant. Invariant: each answer
 * was read from the log or folded from all its events, even if messages were lost (L6).
 */
export interface Waiting {
  /**
   * Opens a held request; returns undefined if the tenant has too many, and the caller answers at
   * once.
   */
  open(tenant: string, taskId: string): HeldRequest | undefined
}

/** One held request. */
export interface HeldRequest {
  /** Resolves with the task once it has ended, or with its current state when the time is over. */
  ending(record: TaskRecord, withinSeconds: number): Promise<TaskRecord>
  /** Ends the wait because the client has left. */
  release(): void
  close(): void
}

/** Creates the collection, without held requests. */
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
            // The task is stored, so a failed read must not look like a refused submission.
            const read = (await reader.load(taskId).catch(() => undefined)) ?? record
            if (isTerminal(read.state) || news !== 'missed') return read
          }
        },
      }
    },
  }
}
