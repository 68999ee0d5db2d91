import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import type { TenantQueue } from '@agentfleet/protocol'

/** How many tasks have, or must get, a pointer in the queue of their tenant and priority. */
export interface TaskQueues {
  /** Counts a change of one task. */
  note(before: TaskRecord | undefined, record: TaskRecord): void
  /** Queues with at least one such task. */
  queues(): TenantQueue[]
  /** Such tasks in all queues. */
  size(): number
}

/** No task anywhere. */
export function createTaskQueues(): TaskQueues {
  const counts = new Map<string, { readonly queue: TenantQueue; count: number }>()
  let size = 0

  const add = ({ tenant, spec }: TaskRecord, by: number): void => {
    const { priority } = spec
    const key = `${priority}.${tenant}`
    const entry = counts.get(key) ?? { queue: { tenant, priority }, count: 0 }
    entry.count += by
    size += by
    if (entry.count > 0) counts.set(key, entry)
    else counts.delete(key)
  }

  return {
    note(before, record) {
      if (before !== undefined && hasPlace(before)) add(before, -1)
      if (hasPlace(record)) add(record, 1)
    },
    queues: () => [...counts.values()].map(({ queue }) => queue),
    size: () => size,
  }
}

function hasPlace({ state }: TaskRecord): boolean {
  return state !== 'waiting' && !isTerminal(state)
}
