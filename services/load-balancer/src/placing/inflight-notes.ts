import type { Pointers, Store } from '@agentfleet/adapters'
import { createCompactingMap } from '@agentfleet/domain'
import type { Held } from './in-hand.ts'

/**
 * Notes where tasks run, for recovery and for whoever asks (hints, L6), and makes pointers for tasks
 * that run without one.
 *
 * Most tasks of a busy fleet are over before anybody needs to know; so a task is young at first, and
 * noted in Redis when it is still running a moment later, or when its node is gone. One without a
 * pointer gets it then: it names the node, comes back through a pull, is taken on by the run and
 * noted. Invariant: a task is in the hands of this module for `NOTE_AFTER_MS` and one sweep at the most.
 */
export interface InflightNotes {
  dispatched(item: Held, nodeId: string): void
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
  readonly item: Held
  readonly nodeId: string
  readonly sinceMs: number
}

/** A death is noticed after more than a second: until then a note is of no use, milliseconds. */
const NOTE_AFTER_MS = 200

/** Nothing noted yet; `lost` is told how many notes the store did not take. */
export function createInflightNotes(
  deps: { readonly store: Store; readonly pointers: Pick<Pointers, 'issue'> },
  monotonicMs: () => number,
  lost: (count: number) => void,
): InflightNotes {
  const { store, pointers } = deps
  // In order of dispatch: the oldest are first.
  const young = createCompactingMap<string, Young>()
  // Their time as young ones is over already: they were noted as running by their pointers.
  const settled = new Map<string, Young>()

  const note = async (entries: readonly Young[]): Promise<void> => {
    const noted: { taskId: string; nodeId: string; ackSubject: string }[] = []
    for (const { item, nodeId } of entries) {
      const { pointer, ackSubject } = item
      young.delete(pointer.taskId)
      if (ackSubject !== undefined) noted.push({ taskId: pointer.taskId, nodeId, ackSubject })
      else pointers.issue(runningPointer(item, nodeId), 'running')
    }
    if (noted.length > 0) await store.noteInflight(noted).catch(() => lost(noted.length))
  }
  const takeSettled = (): Young[] => {
    const entries = [...settled.values()]
    settled.clear()
    return entries
  }

  return {
    dispatched(item, nodeId) {
      const { taskId } = item.pointer
      young.delete(taskId)
      const entry = { item, nodeId, sinceMs: monotonicMs() }
      if (item.runsAt === undefined) young.set(taskId, entry)
      else settled.set(taskId, entry)
    },
    ended(taskIds) {
      for (const taskId of taskIds) {
        young.delete(taskId)
        settled.delete(taskId)
      }
    },
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

/** A pointer for a task that runs: whoever gets it begins a fenced start, but for the run itself. */
function runningPointer({ pointer }: Held, nodeId: string): Held['pointer'] {
  const { spec: _, ...rest } = pointer
  return { ...rest, reissue: true, node: nodeId }
}
