import type { InflightNote, Pointers, Store } from '@agentfleet/adapters'
import { createCompactingMap } from '@agentfleet/domain'
import type { Held } from './in-hand.ts'

/**
 * Notes in Redis where tasks run, for recovery and for reads (hints, L6), and issues pointers for
 * running tasks that have none.
 *
 * Most tasks of a busy fleet end before the note is needed. A task is therefore young at first;
 * it is noted if it still runs a moment later, or when its node is gone. A task without a pointer
 * gets one then: the pointer names the node, is fetched, adopted by the run and noted. Invariant: a
 * task stays in this module for at most `NOTE_AFTER_MS` and one sweep.
 */
export interface InflightNotes {
  dispatched(item: Held, nodeId: string): void
  /** Removes those of the tasks that were on this node and have left it; a node ends no task of another node. */
  ended(taskIds: readonly string[], nodeId: string): void
  /** Removes tasks that never reached their node and are in hand again. */
  returned(taskIds: readonly string[]): void
  /** Notes the tasks of a node without a listener at once. */
  nodeGone(nodeId: string): void
  /** Notes the tasks that are no longer young. */
  sweep(): void
  /** Notes all tasks. */
  flush(): Promise<void>
}

interface Young {
  readonly item: Held
  readonly nodeId: string
  readonly sinceMs: number
}

/** Milliseconds; a death is noticed after more than a second, and no note is needed before. */
const NOTE_AFTER_MS = 200

/** Creates the notes; `lost` receives the number of notes that Redis did not store. */
export function createInflightNotes(
  deps: { readonly store: Store; readonly pointers: Pick<Pointers, 'issue'> },
  monotonicMs: () => number,
  lost: (count: number) => void,
): InflightNotes {
  const { store, pointers } = deps
  // In the order of dispatch, so the oldest come first.
  const young = createCompactingMap<string, Young>()
  // Tasks past their young time: their pointers name the node, so they were noted before.
  const settled = new Map<string, Young>()

  const note = async (entries: readonly Young[]): Promise<void> => {
    const noted: InflightNote[] = []
    for (const { item, nodeId } of entries) {
      const { pointer, ackSubject } = item
      young.delete(pointer.taskId)
      if (ackSubject !== undefined) noted.push({ taskId: pointer.taskId, nodeId, ackSubject })
      else {
        item.issued = true
        pointers.issue(runningPointer(item, nodeId), 'running')
      }
    }
    if (noted.length > 0) await store.noteInflight(noted).catch(() => lost(noted.length))
  }
  const takeSettled = (): Young[] => {
    const entries = [...settled.values()]
    settled.clear()
    return entries
  }

  const forget = (taskIds: readonly string[]): void => {
    for (const taskId of taskIds) {
      young.delete(taskId)
      settled.delete(taskId)
    }
  }

  return {
    dispatched(item, nodeId) {
      const { taskId } = item.pointer
      young.delete(taskId)
      const entry = { item, nodeId, sinceMs: monotonicMs() }
      if (item.runsAt === undefined) young.set(taskId, entry)
      else settled.set(taskId, entry)
    },
    ended: (taskIds, nodeId) =>
      forget(taskIds.filter((id) => (young.get(id) ?? settled.get(id))?.nodeId === nodeId)),
    returned: forget,
    nodeGone(nodeId) {
      void note([...young.values()].filter((entry) => entry.nodeId === nodeId))
    },
    sweep() {
      const before = monotonicMs() - NOTE_AFTER_MS
      const due = takeSettled()
      for (const entry of young.values()) {
        if (entry.sinceMs > before) break
        due.push(entry)
      }
      if (due.length > 0) void note(due)
    },
    flush: () => note([...takeSettled(), ...young.values()]),
  }
}

/** A pointer for a running task: its node adopts it for the run, and every other node makes a fenced start. */
function runningPointer({ pointer }: Held, nodeId: string): Held['pointer'] {
  const { spec: _, ...rest } = pointer
  return { ...rest, reissue: true, node: nodeId }
}
