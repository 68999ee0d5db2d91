import type { TaskLog } from '@agentfleet/adapters'
import { startOf, type TaskRecord } from '@agentfleet/domain'
import { inParallel } from '../repair/in-parallel.ts'
import type { LogClock } from './log-clock.ts'
import type { TaskTable } from './task-table.ts'

/**
 * Drops the tasks whose end another coordinator's compaction removed before this one had read it;
 * the log has none of their events any more. Only tasks older than the retention time can be among
 * them. Returns them.
 */
export async function dropCompacted(deps: {
  readonly taskLog: Pick<TaskLog, 'last'>
  readonly tasks: TaskTable
  readonly logClock: Pick<LogClock, 'nowMs'>
  readonly retentionMs: number
}): Promise<TaskRecord[]> {
  const { taskLog, tasks, logClock, retentionMs } = deps
  const before = logClock.nowMs() - retentionMs
  const old = [...tasks.records()].filter((record) => startOf(record) < before)
  const ghosts: TaskRecord[] = []
  await inParallel(old, async (record) => {
    if ((await taskLog.last(record.taskId)) === undefined) ghosts.push(record)
  })
  tasks.drop(ghosts.map(({ taskId }) => taskId))
  return ghosts
}
