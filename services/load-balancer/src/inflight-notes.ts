import type { Store } from '@agentfleet/adapters'

/**
 * Notes where tasks run, for recovery and for whoever asks (hints, L6).
 *
 * Most tasks of a busy fleet are over before anybody needs to know; so a task is young at first, and
 * noted in Redis when it is still running a moment later, or when its node is gone. Invariant: a
 * task is in the hands of this module for `NOTE_AFTER_MS` and one sweep at the most.
 */
export interface InflightNotes {
  dispatched(taskId: string, nodeId: string, ackSubject: string): void
  /** These have left their node, or never came to it. */
  ended(taskIds: readonly string[]): void
  /** Nobody listens at this node: what it holds is noted at once. */
  nodeGone(nodeId: string): void
  /** Notes what is not young any more. */
  sweep(): void
  /** Notes everything. */
  flush(): Promise<void>
}

interface Young {
  readonly taskId: string
  readonly nodeId: string
  readonly ackSubject: string
  readonly sinceMs: number
}

/** A death is noticed after more than a second: until then a note is of no use, milliseconds. */
const NOTE_AFTER_MS = 200

/** Nothing noted yet; `lost` is told how many notes the store did not take. */
export function createInflightNotes(
  store: Store,
  monotonicMs: () => number,
  lost: (count: number) => void,
): InflightNotes {
  // In order of dispatch: the oldest are first.
  const young = new Map<string, Young>()

  const note = async (entries: readonly Young[]): Promise<void> => {
    if (entries.length === 0) return
    for (const { taskId } of entries) young.delete(taskId)
    await store.noteInflight(entries).catch(() => lost(entries.length))
  }

  return {
    dispatched(taskId, nodeId, ackSubject) {
      young.delete(taskId)
      young.set(taskId, { taskId, nodeId, ackSubject, sinceMs: monotonicMs() })
    },
    ended(taskIds) {
      for (const taskId of taskIds) young.delete(taskId)
    },
    nodeGone(nodeId) {
      void note([...young.values()].filter((entry) => entry.nodeId === nodeId))
    },
    sweep() {
      const before = monotonicMs() - NOTE_AFTER_MS
      const due: Young[] = []
      for (const entry of young.values()) {
        if (entry.sinceMs > before) break
        due.push(entry)
      }
      void note(due)
    },
    flush: () => note([...young.values()]),
  }
}
