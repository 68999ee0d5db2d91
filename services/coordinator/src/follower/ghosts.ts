import { startOf, type TaskRecord } from '@agentfleet/domain'
import { inParallel } from '@agentfleet/runtime'
import { REPAIRS_AT_ONCE } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'

interface GhostDeps extends Pick<PartDeps, 'taskLog' | 'tasks'> {
  /** Tasks that began at this time or later cannot have expired. */
  readonly certainlyKeptMs: number
}

/** Drops the tasks that have lost their events in the log, because another coordinator purged them; returns them. */
export async function dropGhosts(deps: GhostDeps): Promise<TaskRecord[]> {
  const { firstSeq } = await deps.taskLog.fill()
  return [...deps.tasks.dropBefore(firstSeq), ...(await dropCompacted(deps))]
}

/**
 * Drops the tasks whose end event another coordinator's compaction removed before this coordinator
 * had read the event; the log no longer has any of their events. Returns them.
 */
async function dropCompacted(deps: GhostDeps): Promise<TaskRecord[]> {
  const { taskLog, tasks, certainlyKeptMs } = deps
  const old = [...tasks.records()].filter((record) => startOf(record) < certainlyKeptMs)
  const ghosts: TaskRecord[] = []
  await inParallel(old, REPAIRS_AT_ONCE, async (record) => {
    if ((await taskLog.last(record.taskId)) === undefined) ghosts.push(record)
  })
  tasks.drop(ghosts.map(({ taskId }) => taskId))
  return ghosts
}
