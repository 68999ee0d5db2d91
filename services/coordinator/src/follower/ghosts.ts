import type { TaskLog } from '@agentfleet/adapters'
import { startOf, type TaskRecord } from '@agentfleet/domain'
import { inParallel } from '@agentfleet/runtime'
import { REPAIRS_AT_ONCE } from '../log-limits.ts'
import type { TaskTable } from './task-table.ts'

/**
 * Drops the tasks whose end event another coordinator's compaction removed before this coordinator
 * had read the event; the log no longer has any of their events. Tasks that began at `certainlyKeptMs`
 * or later cannot be among them. Returns them.
 */
export async function dropCompacted(deps: {
  readonly taskLog: Pick<TaskLog, 'last'>
  readonly tasks: TaskTable
  readonly certainlyKeptMs: number
}): Promise<TaskRecord[]> {
  const { taskLog, tasks, certainlyKeptMs } = deps
  const old = [...tasks.records()].filter((record) => startOf(record) < certainlyKeptMs)
  const ghosts: TaskRecord[] = []
  await inParallel(old, REPAIRS_AT_ONCE, async (record) => {
    if ((await taskLog.last(record.taskId)) === undefined) ghosts.push(record)
  })
  tasks.drop(ghosts.map(({ taskId }) => taskId))
  return ghosts
}
