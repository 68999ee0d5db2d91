import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import type { TenantQueue } from '@agentfleet/protocol'

/** Counts the tasks that need a pointer, by the queue of their tenant and priority; at first there are none. */
export function createTaskQueues() {
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
    /** Counts the change of one task. */
    note(before: TaskRecord | undefined, record: TaskRecord): void {
      if (before !== undefined && hasPlace(before)) add(before, -1)
      if (hasPlace(record)) add(record, 1)
    },
    /** Returns the queues that have such tasks. */
    queues: () => [...counts.values()].map(({ queue }) => queue),
    /** Returns the queues with the number of such tasks in each. */
    counts: () => [...counts.values()].map((each) => ({ ...each })),
    /** Returns the number of such tasks in all queues. */
    size: () => size,
  }
}

function hasPlace({ state }: TaskRecord): boolean {
  return state !== 'waiting' && !isTerminal(state)
}
