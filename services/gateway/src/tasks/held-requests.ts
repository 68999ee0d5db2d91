import {
  createCompactingMap,
  isTerminalEvent,
  transition,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'
import type { LiveSink } from '../stream/live.ts'

/**
 * Requests that wait for the ending of a task.
 *
 * A waiter is opened before the submission is appended, so it hears every event of its task; it keeps
 * them and folds them in the end, which saves reading the log. States: open → ended (heard the
 * ending, ran out of time, or released), once. Invariants: at most EVENTS_KEPT_MAX events are kept;
 * a waiter that kept too few (`incomplete`) folds nothing, and the log is read instead.
 */
export interface Waiter {
  /** Resolves when the task has ended (or the waiter is released), events were missed, or it is late. */
  news(withinMs: number): Promise<'over' | 'missed' | 'late'>
  /** The task with all that was heard; undefined when something may have been missed. */
  fold(record: TaskRecord): TaskRecord | undefined
  /** Ends the wait early. */
  release(): void
  /** Forgets the waiter; needed once for each. */
  close(): void
}

/** All heldRequests of this process. */
export interface HeldRequests extends LiveSink {
  open(taskId: string): Waiter
  count(): number
  /** Ends every wait, as the process is about to stop. */
  releaseAll(): void
}

interface Entry {
  events: { readonly event: TaskEvent; readonly seq: number }[]
  over: boolean
  /** Too few events were kept to fold them. */
  incomplete: boolean
  /** Events were missed since the last news. */
  missed: boolean
  wake: () => void
}

/** A run has two or three events; more are read from the log. */
const EVENTS_KEPT_MAX = 64

/** No heldRequests. */
export function createHeldRequests(): HeldRequests {
  const byTask = createCompactingMap<string, Set<Entry>>()
  let total = 0

  function finish(entry: Entry) {
    entry.over = true
    entry.wake()
  }

  function remove(taskId: string, entry: Entry) {
    const entries = byTask.get(taskId)
    if (!entries?.delete(entry)) return
    total -= 1
    if (entries.size === 0) byTask.delete(taskId)
  }

  return {
    count: () => total,
    open(taskId) {
      const entry = newEntry()
      const entries = byTask.get(taskId)
      if (entries === undefined) byTask.set(taskId, new Set([entry]))
      else entries.add(entry)
      total += 1
      return {
        news: (withinMs) => wait(entry, withinMs),
        fold: (record) => (entry.incomplete ? undefined : foldHeard(record, entry)),
        release: () => finish(entry),
        close: () => remove(taskId, entry),
      }
    },
    wants: (taskId, submitted) => !submitted && byTask.has(taskId),
    deliver(taskId, event, seq) {
      for (const entry of byTask.get(taskId) ?? []) {
        if (entry.events.length < EVENTS_KEPT_MAX) entry.events.push({ event, seq })
        else entry.incomplete = true
        if (isTerminalEvent(event)) finish(entry)
      }
    },
    missed() {
      // What was missed may have been the ending: whoever waits looks into the log now.
      for (const entries of byTask.values()) {
        for (const entry of entries) {
          entry.incomplete = true
          entry.missed = true
          entry.wake()
        }
      }
    },
    releaseAll() {
      for (const entries of byTask.values()) for (const entry of entries) finish(entry)
    },
  }
}

function newEntry(): Entry {
  return { events: [], over: false, incomplete: false, missed: false, wake: () => {} }
}

async function wait(entry: Entry, withinMs: number): Promise<'over' | 'missed' | 'late'> {
  if (!entry.over && !entry.missed) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, withinMs))
      entry.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  if (entry.over) return 'over'
  if (!entry.missed) return 'late'
  entry.missed = false
  return 'missed'
}

function foldHeard(record: TaskRecord, { events }: Entry): TaskRecord {
  let folded = record
  for (const { event, seq } of events) {
    const outcome = transition(record.taskId, folded, event, seq)
    if (outcome.kind === 'applied') folded = outcome.record
  }
  return folded
}
