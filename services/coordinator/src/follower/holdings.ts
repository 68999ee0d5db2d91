import type { TailedEvent } from '@agentfleet/adapters'
import { createCompactingMap, isTerminal, type Held, type TaskRecord } from '@agentfleet/domain'
import type { EndedTasks } from './ended-tasks.ts'

/** What each tenant holds of the log. */
export type TenantHoldings = ReturnType<typeof createHoldings>

type Stored = Pick<TailedEvent, 'bytes' | 'seq' | 'storedAtMs'>

interface Sums {
  tasks: number
  ended: number
  bytes: number
}

/**
 * What each tenant holds of the log: its unfinished tasks, and its ended tasks until they expire; at first nothing.
 *
 * Every coordinator counts it from the log, so a restart loses nothing and all of them agree (L8).
 * Invariants: an event counts for the tenant of its task only; an ended task leaves the count when
 * it expires, whether or not the log has already been trimmed.
 */
export function createHoldings(ended: EndedTasks) {
  const unfinished = createCompactingMap<string, { readonly tenant: string; bytes: number }>()
  const tenants = new Map<string, Sums>()
  const total: Sums = { tasks: 0, ended: 0, bytes: 0 }

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

  const expired = (tenant: string, tasks: { readonly ended: number; readonly bytes: number }) =>
    add(tenant, { tasks: 0, ended: -tasks.ended, bytes: -tasks.bytes })

  return {
    /** Counts an event that the table has applied; `record` is the task after it. */
    note({ bytes, seq, storedAtMs }: Stored, record: TaskRecord): void {
      const { taskId, tenant, state, submittedSeq } = record
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
      ended.note(tenant, { atMs: storedAtMs, seq, neededFrom: submittedSeq, bytes: all })
    },
    /** Drops unfinished tasks that the log no longer has. */
    drop(taskIds: readonly string[]): void {
      for (const taskId of taskIds) {
        const known = unfinished.get(taskId)
        if (known === undefined) continue
        unfinished.delete(taskId)
        add(known.tenant, { tasks: -1, ended: 0, bytes: -known.bytes })
      }
    },
    of: (tenant: string): Held => tenants.get(tenant) ?? { tasks: 0, ended: 0, bytes: 0 },
    all: (): Held => total,
    /** Returns the tenants with their holdings, those with most bytes first. */
    largest(count: number) {
      const list = [...tenants].map(([tenant, sums]) => ({ tenant, ...sums }))
      return list.toSorted((a, b) => b.bytes - a.bytes).slice(0, count)
    },
    /** Takes out the ended tasks that have expired by now. */
    expire: (nowMs: number) => ended.expire(nowMs, expired),
  }
}
