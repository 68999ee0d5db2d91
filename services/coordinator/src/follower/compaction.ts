import { removeEvents, scanLog } from '@agentfleet/adapters'
import type { PartDeps } from '../deps.ts'

/** A task whose end event has not been read yet. */
interface OpenTask {
  readonly tenant: string | undefined
  readonly seqs: number[]
}

/** Numbers of events that one pass holds in memory; the next pass continues. */
const REMOVED_MAX = 200_000

/**
 * Removes the events of all tasks that have expired and ended within this range of the log, and that no unfinished
 * task needs. Returns how many it has removed, and how many in the range are still needed.
 *
 * Invariant: the end event of a task leaves last. So a reader that finds any event of an ended task finds its
 * end event too, unless it read the other events before they were deleted; the follower checks for that.
 */
export async function compactLog(
  { bus, tasks, endedTasks, log }: Pick<PartDeps, 'bus' | 'tasks' | 'endedTasks' | 'log'>,
  range: { readonly from: number; readonly to: number },
) {
  const needed = neededTasks(tasks)
  const open = new Map<string, OpenTask>()
  const first: number[] = []
  const ends: number[] = []
  let kept = 0
  await scanLog(
    bus,
    range,
    ({ taskId, seq, tenant, ends: isEnd }) => {
      if (needed.has(taskId) || tasks.get(taskId) !== undefined) {
        kept += 1
      } else if (isEnd) {
        const task = open.get(taskId)
        open.delete(taskId)
        // Without its submission: an earlier compaction removed it, and was interrupted before the end event.
        if (task?.tenant !== undefined && !endedTasks.isExpired(task.tenant, seq)) {
          kept += task.seqs.length + 1
        } else {
          if (task !== undefined) first.push(...task.seqs)
          ends.push(seq)
        }
      } else {
        const known = open.get(taskId)
        if (known === undefined) open.set(taskId, { tenant, seqs: [seq] })
        else known.seqs.push(seq)
      }
      return first.length + ends.length < REMOVED_MAX
    },
    log,
  )
  // These tasks ended behind the range, so they have not expired.
  for (const { seqs } of open.values()) kept += seqs.length
  const removed = (await removeEvents(bus, first)) + (await removeEvents(bus, ends))
  return { removed, kept }
}

/** Returns the tasks whose results unfinished tasks read. */
function neededTasks(tasks: PartDeps['tasks']): Set<string> {
  const needed = new Set<string>()
  for (const { spec, children } of tasks.records()) {
    for (const taskId of spec.dependsOn ?? []) needed.add(taskId)
    for (const { taskId } of children) needed.add(taskId)
  }
  return needed
}
