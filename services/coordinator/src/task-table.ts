import { isTerminal, transition, type TaskRecord } from '@agentfleet/domain'
import type { TailedEvent } from '@agentfleet/adapters'

/**
 * Every unfinished task, folded from the log in the order of the log.
 *
 * Invariants: a task is in the table from its `submitted` to its terminal event and no longer; the
 * first entry is the oldest unfinished submission, since tasks enter in log order. The journal is
 * left out (`calls` stays empty): whoever resumes a run reads it from the log.
 */
export interface TaskTable {
  /** Folds one event in; the record after it, or undefined when it changed nothing. */
  apply(event: TailedEvent): TaskRecord | undefined
  get(taskId: string): TaskRecord | undefined
  /** Unfinished tasks, oldest first. */
  records(): IterableIterator<TaskRecord>
  /** Tasks that wait for their next attempt. */
  retrying(): IterableIterator<string>
  size(): number
  oldest(): TaskRecord | undefined
}

/** An empty table. */
export function createTaskTable(): TaskTable {
  const tasks = new Map<string, TaskRecord>()
  const retrying = new Set<string>()
  return {
    apply({ taskId, event, seq }) {
      const outcome = transition(taskId, tasks.get(taskId), event, seq)
      if (outcome.kind === 'stale') return undefined
      const record = { ...outcome.record, calls: [] }
      if (isTerminal(record.state)) tasks.delete(taskId)
      else tasks.set(taskId, record)
      if (record.state === 'retrying') retrying.add(taskId)
      else retrying.delete(taskId)
      return record
    },
    get: (taskId) => tasks.get(taskId),
    records: () => tasks.values(),
    retrying: () => retrying.values(),
    size: () => tasks.size,
    oldest: () => tasks.values().next().value,
  }
}
