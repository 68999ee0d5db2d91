import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import type { TenantQueue } from '@agentfleet/protocol'

/** Counts the tasks that need a pointer, by the queue of their tenant and priority. */
interface TaskQueues {
  /** Counts the change of one task. */
  note(before: TaskRecord | undefined, record: TaskRecord): void
  /** Returns the queues that have such tasks. */
  queues(): TenantQueue[]
  /** Returns the queues with the number of such tasks in each. */
  counts(): { readonly queue: TenantQueue; readonly count: number }[]
  /** Returns the number of such tasks in all queues. */
  size(): number
}

/** Creates the counts; at first all of them are 0. */
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
    counts: () => [...counts.values()].map((each) => ({ ...each })),
    size: () => size,
  }
}

function hasPlace({ state }: TaskRecord): boolean {
  return state !== 'waiting' && !isTerminal(state)
}
