import type { TailedEvent } from '@agentfleet/adapters'
import { createCompactingMap, isTerminal, type Held, type TaskRecord } from '@agentfleet/domain'

/**
 * What each tenant holds of the log: its unfinished tasks, and its ended tasks until they expire.
 *
 * Every coordinator counts it from the log, so a restart loses nothing and all of them agree (L8).
 * Invariants: an event counts for the tenant of its task only; an ended task leaves the count when
 * it expires, whether or not the log has already been trimmed.
 */
export interface TenantHoldings {
  /** Counts an event that the table has applied; `record` is the task after it. */
  note(event: Pick<TailedEvent, 'bytes' | 'storedAtMs'>, record: TaskRecord): void
  /** Drops unfinished tasks that the log no longer has. */
  drop(taskIds: readonly string[]): void
  of(tenant: string): Held
  all(): Held
  /** Returns the tenants with their holdings, those with most bytes first. */
  largest(count: number): (Held & { readonly tenant: string })[]
  /** Takes out the tasks that ended at this time or before. */
  expire(expiredMs: number): void
}

interface Sums {
  tasks: number
  ended: number
  bytes: number
}
interface Bucket {
  readonly endsMs: number
  readonly tenants: Map<string, { ended: number; bytes: number }>
}

/** Parts of the retention time; a task leaves the count by at most one part late. */
const BUCKETS = 1_024
const BUCKET_MIN_MS = 100

/** Creates an empty count. */
export function createHoldings(retentionMs: number): TenantHoldings {
  const bucketMs = Math.max(BUCKET_MIN_MS, Math.ceil(retentionMs / BUCKETS))
  const unfinished = createCompactingMap<string, { readonly tenant: string; bytes: number }>()
  const tenants = new Map<string, Sums>()
  const total: Sums = { tasks: 0, ended: 0, bytes: 0 }
  const buckets = new Map<number, Bucket>()

  const add = (tenant: string, by: Sums): void => {
    const sums = tenants.get(tenant) ?? { tasks: 0, ended: 0, bytes: 0 }
    for (const each of [sums, total]) {
      each.tasks += by.tasks
      each.ended += by.ended
      each.bytes += by.bytes
    }
    if (sums.tasks === 0 && sums.ended === 0) tenants.delete(tenant)
    else tenants.set(tenant, sums)
  }

  const bucketAt = (atMs: number): Bucket => {
    const key = Math.floor(atMs / bucketMs)
    const known = buckets.get(key)
    if (known !== undefined) return known
    const made = { endsMs: (key + 1) * bucketMs, tenants: new Map() }
    buckets.set(key, made)
    return made
  }

  return {
    note({ bytes, storedAtMs }, { taskId, tenant, state }) {
      const known = unfinished.get(taskId)
      if (known === undefined) {
        unfinished.set(taskId, { tenant, bytes })
        add(tenant, { tasks: 1, ended: 0, bytes })
      } else {
        known.bytes += bytes
        add(tenant, { tasks: 0, ended: 0, bytes })
      }
      if (!isTerminal(state)) return
      const all = (known?.bytes ?? 0) || bytes
      unfinished.delete(taskId)
      add(tenant, { tasks: -1, ended: 1, bytes: 0 })
      const { tenants: those } = bucketAt(storedAtMs)
      const before = those.get(tenant) ?? { ended: 0, bytes: 0 }
      those.set(tenant, { ended: before.ended + 1, bytes: before.bytes + all })
    },
    drop(taskIds) {
      for (const taskId of taskIds) {
        const known = unfinished.get(taskId)
        if (known === undefined) continue
        unfinished.delete(taskId)
        add(known.tenant, { tasks: -1, ended: 0, bytes: -known.bytes })
      }
    },
    of: (tenant) => tenants.get(tenant) ?? { tasks: 0, ended: 0, bytes: 0 },
    all: () => total,
    largest(count) {
      const list = [...tenants].map(([tenant, sums]) => ({ tenant, ...sums }))
      return list.toSorted((a, b) => b.bytes - a.bytes).slice(0, count)
    },
    expire(expiredMs) {
      for (const [key, { endsMs, tenants: those }] of buckets) {
        if (endsMs > expiredMs) continue
        buckets.delete(key)
        for (const [tenant, { ended, bytes }] of those) {
          add(tenant, { tasks: 0, ended: -ended, bytes: -bytes })
        }
      }
    },
  }
}
