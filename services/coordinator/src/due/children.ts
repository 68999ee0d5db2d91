import type { Logger, TaskLog, TaskSubmitter } from '@agentfleet/adapters'
import {
  isTerminal,
  isTerminalEvent,
  type Spawned,
  type TaskRecord,
  type TaskSpec,
  type Timing,
} from '@agentfleet/domain'
import { cancelTask, type EndingDeps } from '../reports/cancel.ts'
import type { TaskTable } from '../follower/task-table.ts'

/**
 * Tasks made by runs. `spawned` in the log of the parent holds their specs, so that whoever finds one
 * missing makes it (L8); their ids follow from parent, step and position, so that it is made once
 * (L1). When a parent has ended, its children that have not are cancelled.
 */
export interface Children {
  /** Makes the children that an event announced; those that are there already stay as they are. */
  make(parent: TaskRecord, event: Spawned): Promise<void>
  /** Cancels what is left of the children of a task that has ended. */
  parentEnded(parent: TaskRecord): Promise<void>
  /** Makes announced children that have not come, cancels those that were left behind. */
  sweep(signal: AbortSignal): Promise<void>
}

const APPEND_WITHIN_MS = 4_000
/** Repaired in one sweep: each costs a look into a history. */
const SWEEP_MAX = 200

/** Makes and ends children with these means. */
export function createChildren(deps: {
  readonly tasks: TaskTable
  readonly taskLog: TaskLog
  readonly submitter: TaskSubmitter
  readonly endings: EndingDeps
  readonly log: Logger
  readonly timing: Pick<Timing, 'followAfterMs'>
  readonly nowMs: () => number
}): Children {
  const { tasks, taskLog, submitter, endings, log, timing, nowMs } = deps

  const makeOne = async (
    parent: TaskRecord,
    step: number,
    child: { readonly taskId: string; readonly spec: TaskSpec },
    atMs: number,
  ): Promise<void> => {
    const depth = (parent.parent?.depth ?? 0) + 1
    // An existing child is the child itself; the sweep makes what is not stored yet.
    await submitter.submit({
      ...child,
      tenant: parent.tenant,
      atMs,
      keyed: true,
      parent: { taskId: parent.taskId, step, depth },
      deadlineMs: APPEND_WITHIN_MS,
    })
  }

  const make = async (parent: TaskRecord, event: Spawned): Promise<void> => {
    const { step, children } = event
    await Promise.all(children.map((child) => makeOne(parent, step, child, event.atMs)))
  }

  const cancelChild = async (taskId: string, parentId: string, tenant: string): Promise<void> => {
    const reason = `its parent task ${parentId} has ended`
    const outcome = await cancelTask(endings, { taskId, tenant, reason })
    if (outcome === 'unavailable') log.warn({ taskId }, 'a child is not cancelled yet')
  }

  const repairUnborn = async (parentId: string): Promise<void> => {
    const parent = await taskLog.record(parentId)
    if (parent === undefined || isTerminal(parent.state)) return
    for (const { event } of await taskLog.history(parentId)) {
      if (event.type === 'spawned') await make(parent, event)
    }
  }

  return {
    make,
    async parentEnded(parent) {
      const left = parent.children.filter(({ taskId }) => tasks.get(taskId) !== undefined)
      const cancel = ({ taskId }: { taskId: string }) =>
        cancelChild(taskId, parent.taskId, parent.tenant)
      await Promise.all(left.map(cancel))
    },
    async sweep(signal) {
      const now = nowMs()
      const parents = new Set<string>()
      for (const [, { parentId, atMs }] of tasks.unborn()) {
        if (parents.size >= SWEEP_MAX) break
        if (now - atMs >= timing.followAfterMs && tasks.get(parentId) !== undefined)
          parents.add(parentId)
      }
      for (const parentId of parents) {
        if (signal.aborted) return
        await repairUnborn(parentId)
      }
      const orphans = [...tasks.orphans()].slice(0, SWEEP_MAX)
      for (const taskId of orphans) {
        const orphan = tasks.get(taskId)
        if (signal.aborted) return
        if (orphan === undefined) continue
        const parentId = orphan.parent?.taskId ?? ''
        const last = await taskLog.last(parentId)
        // Trimmed behind its ending: the log keeps everything of an unfinished task.
        if (last !== undefined && !isTerminalEvent(last.event)) continue
        await cancelChild(orphan.taskId, parentId, orphan.tenant)
      }
    },
  }
}
