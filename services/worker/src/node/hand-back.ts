import type { PointerAcks } from '@agentfleet/adapters'
import { settleWithin } from '@agentfleet/runtime'
import { standsStill } from './ownership.ts'
import type { Reporter } from './reports.ts'
import { endRun } from './run-end.ts'
import type { Run, Runs } from './runs.ts'

/**
 * Hands back the runs of a node when the time of a drain is over. A planned end is neither a
 * failure nor a lost attempt, however often it happens to a task.
 *
 * Invariants: HAND-1 a run whose token does not change is paused until now, so that the coordinator
 * issues its pointer again at once and counts nothing against the task; HAND-2 a run that the
 * coordinator does not confirm in time, or that has a report under way, gives its pointer back,
 * which counts as a lost attempt; HAND-3 nothing runs afterwards.
 */
interface HandBackDeps {
  readonly acks: PointerAcks
  readonly runs: Runs
  readonly reporter: Reporter
}

/** The pause is over at once, even if the clock of this node is wrong: this time is before every other time. */
const AT_ONCE_MS = 0

/** Ends every run within this time. */
export async function handBack(deps: HandBackDeps, withinMs: number): Promise<void> {
  const { acks, runs } = deps
  const pausing = [...runs.all()].flatMap((run) => {
    if (run.check !== undefined || !standsStill(run)) return []
    // A report of the run waits for this check and then finds the run over.
    run.check = pauseRun(run, deps).catch(() => undefined)
    return [run.check]
  })
  await settleWithin(Promise.all(pausing), withinMs)
  for (const run of runs.all()) {
    if (runs.end(run, 'given-back')) acks.giveBack(run.ackSubject)
  }
  // The process ends next.
  acks.flush()
}

async function pauseRun(run: Run, deps: HandBackDeps): Promise<void> {
  const { reporter } = deps
  const { taskId, claim, token, attempt } = run
  const wait = { kind: 'time', untilMs: AT_ONCE_MS } as const
  const base = { taskId, claim, reportId: reporter.nextId(), expect: token, attempt }
  const outcome = await reporter.report({ op: 'pause', ...base, wait }, run)
  const { kind } = outcome
  const confirmed = kind !== 'begun' && kind !== 'rejected' && kind !== 'unavailable'
  if (confirmed) endRun(run, outcome, deps, 'paused')
}
