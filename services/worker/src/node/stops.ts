import type { Stop } from '@agentfleet/protocol'
import { standsStill } from './ownership.ts'
import type { Runs } from './runs.ts'

/**
 * Stops the runs of these tasks, because the tasks have ended. With `before`, only runs that a newer attempt on
 * another node has superseded stop: such a run would pay for calls whose answers the log already holds (L4). A run
 * that has yet to begin stays, because its begin makes it the newest attempt; if its begin is older, because the
 * answer took long, the run ends with that answer.
 */
export function stopRuns(runs: Pick<Runs, 'get' | 'end'>, { taskIds, before }: Stop): void {
  for (const taskId of taskIds) {
    const run = runs.get(taskId)
    if (run === undefined) continue
    if (before === undefined) runs.end(run, 'stopped')
    else if (run.token < before && (standsStill(run) || run.phase === 'reporting'))
      runs.end(run, 'superseded')
    else run.stopBefore = Math.max(run.stopBefore, before)
  }
}
