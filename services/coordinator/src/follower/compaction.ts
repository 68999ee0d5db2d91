import { removeEvents, scanLog, type Bus, type Logger } from '@agentfleet/adapters'
import type { TaskTable } from './task-table.ts'

/** What a compaction did. */
interface CompactionReport {
  readonly removed: number
  /** Events that are still needed. */
  readonly kept: number
}

/** Numbers of events that one pass holds in memory; the next pass continues. */
const REMOVED_MAX = 200_000

/**
 * Removes the events of all tasks that ended within this range of the log, and that no unfinished task needs.
 *
 * Invariant: the end event of a task leaves last. So a reader that finds any event of an ended task finds its
 * end event too, unless it read the other events before they were deleted; the follower checks for that.
 */
export async function compactLog(
  deps: { readonly bus: Bus; readonly tasks: TaskTable; readonly log: Logger },
  range: { readonly from: number; readonly to: number },
): Promise<CompactionReport> {
  const { bus, tasks, log } = deps
  const needed = neededTasks(tasks)
  const open = new Map<string, number[]>()
  const first: number[] = []
  const ends: number[] = []
  let kept = 0
  await scanLog(
    bus,
    range,
    ({ taskId, seq, ends: isEnd }) => {
      if (needed.has(taskId) || tasks.get(taskId) !== undefined) {
        kept += 1
      } else if (isEnd) {
        first.push(...(open.get(taskId) ?? []))
        ends.push(seq)
        open.delete(taskId)
      } else {
        const known = open.get(taskId)
        if (known === undefined) open.set(taskId, [seq])
        else known.push(seq)
      }
      return first.length + ends.length < REMOVED_MAX
    },
    log,
  )
  // These tasks ended behind the range, so they have not expired.
  for (const seqs of open.values()) kept += seqs.length
  const removed = (await removeEvents(bus, first)) + (await removeEvents(bus, ends))
  return { removed, kept }
}

/** Returns the tasks whose results unfinished tasks read. */
function neededTasks(tasks: TaskTable): Set<string> {
  const needed = new Set<string>()
  for (const { spec, children } of tasks.records()) {
    for (const taskId of spec.dependsOn ?? []) needed.add(taskId)
    for (const { taskId } of children) needed.add(taskId)
  }
  return needed
}
