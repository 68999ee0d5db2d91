import type { TaskSubmitter } from '@agentfleet/adapters'
import {
  inheritedSpec,
  isTerminal,
  isTerminalEvent,
  type Spawned,
  type TaskRecord,
  type TaskSpec,
} from '@agentfleet/domain'
import { APPEND_WITHIN_MS } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'
import type { Cancel } from '../reports/cancel.ts'
import { firstInTurn } from './in-turn.ts'

/** The most children repaired in one sweep, in which tenants take turns: each one reads a history. */
const SWEEP_MAX = 200

type ChildrenDeps = Pick<
  PartDeps,
  'tasks' | 'taskLog' | 'submitter' | 'log' | 'timing' | 'nowMs'
> & {
  readonly cancel: Cancel
}

/**
 * Creates the tasks that runs ask for, and cancels them when their parent ends. `spawned` in the
 * parent's log holds the specs of the children, so any coordinator that finds one missing creates
 * it (L8). The id of a child follows from parent, step and position, so it is created once (L1).
 */
export function createChildren(deps: ChildrenDeps) {
  const { tasks, taskLog, submitter, log, timing, nowMs } = deps

  const make = async (parent: TaskRecord, event: Spawned): Promise<void> => {
    const { step, children } = event
    await Promise.all(children.map((child) => makeOne(submitter, parent, step, child, event.atMs)))
  }

  const cancelChild = async (taskId: string, parentId: string, tenant: string): Promise<void> => {
    const reason = `the parent task ${parentId} has ended`
    const outcome = await deps.cancel({ taskId, tenant, reason })
    if (outcome === 'unavailable')
      log.warn(
        { taskId },
        'The coordinator could not cancel a child task; it tries again in its next round',
      )
  }

  const repairUnborn = async (parentId: string): Promise<void> => {
    const parent = await taskLog.record(parentId)
    if (parent === undefined || isTerminal(parent.state)) return
    for (const { event } of await taskLog.history(parentId)) {
      if (event.type === 'spawned') await make(parent, event)
    }
  }

  return {
    /** Creates the children that an event announced; existing ones stay unchanged. */
    make,
    /** Cancels the unfinished children of a task that has ended. */
    async parentEnded(parent: TaskRecord): Promise<void> {
      const left = parent.children.filter(({ taskId }) => tasks.get(taskId) !== undefined)
      await Promise.all(left.map(({ taskId }) => cancelChild(taskId, parent.taskId, parent.tenant)))
    },
    /** Creates announced children that are missing, and cancels children whose parent has ended. */
    async sweep(signal: AbortSignal): Promise<void> {
      const now = nowMs()
      const tenantOf = (taskId: string) => tasks.get(taskId)?.tenant
      const parents = new Set<string>()
      for (const [, { parentId, atMs }] of tasks.unborn())
        if (now - atMs >= timing.followAfterMs) parents.add(parentId)
      for (const parentId of firstInTurn(parents, tenantOf, SWEEP_MAX)) {
        if (signal.aborted) return
        await repairUnborn(parentId)
      }
      for (const taskId of firstInTurn(tasks.orphans(), tenantOf, SWEEP_MAX)) {
        const orphan = tasks.get(taskId)
        if (signal.aborted) return
        if (orphan === undefined) continue
        const parentId = orphan.parent?.taskId ?? ''
        const last = await taskLog.last(parentId)
        // The log keeps every event of an unfinished task, so a task without events was trimmed after its end.
        if (last !== undefined && !isTerminalEvent(last.event)) continue
        await cancelChild(orphan.taskId, parentId, orphan.tenant)
      }
    },
  }
}

/** Submits a child. One that exists needs nothing; the sweep creates one that is not stored yet. */
async function makeOne(
  submitter: TaskSubmitter,
  parent: TaskRecord,
  step: number,
  child: { readonly taskId: string; readonly spec: TaskSpec },
  atMs: number,
): Promise<void> {
  const depth = (parent.parent?.depth ?? 0) + 1
  await submitter.submit({
    ...child,
    spec: { ...child.spec, ...inheritedSpec(parent.spec) },
    tenant: parent.tenant,
    atMs,
    keyed: true,
    parent: { taskId: parent.taskId, step, depth },
    deadlineMs: APPEND_WITHIN_MS,
  })
}
