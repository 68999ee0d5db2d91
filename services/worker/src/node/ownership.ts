import type { Logger, PointerAcks } from '@agentfleet/adapters'
import type { Clock } from '@agentfleet/runtime'
import type { Reporter } from './reports.ts'
import { endRun } from './run-end.ts'
import type { Run, Runs } from './runs.ts'

/**
 * After the bus was disconnected or the process was paused, other nodes may run this node's tasks. Every run is
 * then doubtful until the coordinator confirms it: it renews nothing and reports nothing except this question
 * (L3, L4).
 *
 * Invariants: the question is asked for a run whose token does not change meanwhile; the answer to a report or to the
 * begin of a fenced start resolves the doubt only if it left after the doubt arose; each run has at most one question
 * open.
 */

interface OwnershipDeps {
  readonly acks: PointerAcks
  readonly log: Logger
  readonly runs: Runs
  readonly reporter: Reporter
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** Milliseconds without a call that show that the process was paused; a monitor calls a node dead later than that. */
const PAUSE_MS = 2_000

/** Creates the check, which asks the coordinator through this reporter. */
export function createOwnership(deps: OwnershipDeps) {
  const { log, runs, clock } = deps
  let noticedAtMs = clock.monotonicMs()
  /** Marks one run as doubtful and asks. */
  const doubt = (run: Run): void => {
    run.doubtful = true
    run.doubts += 1
    if (run.check !== undefined || !standsStill(run)) return
    run.check = ask(run, deps, noticePause).catch((error: unknown) => {
      log.error(
        { err: error, taskId: run.taskId },
        'The node could not ask the coordinator whether it still owns a run; it asks again',
      )
      runs.end(run, 'unconfirmed')
    })
  }
  /** Marks every run as doubtful and asks. */
  const doubtAll = (reason: string): void => {
    if (runs.size() === 0) return
    log.info(
      { reason, runs: runs.size() },
      'The node asks the coordinator which runs it still owns',
    )
    for (const run of runs.all()) doubt(run)
  }
  /**
   * Doubts every run if the process has stood still since the last call. Call it a few times a second, and before
   * each step that costs money or has an effect: a process that continues reads its sockets before its timers.
   */
  const noticePause = (): void => {
    const beforeMs = noticedAtMs
    noticedAtMs = clock.monotonicMs()
    if (noticedAtMs - beforeMs > PAUSE_MS) doubtAll('paused')
  }
  return { doubt, doubtAll, noticePause }
}

/** Whether no report of the run is under way, so that its token is the last that the log has of it. */
export function standsStill(run: Run): boolean {
  if (run.phase === 'running') return true
  return run.phase === 'queued' && !run.fenced && run.spec !== undefined
}

async function ask(run: Run, deps: OwnershipDeps, noticePause: () => void): Promise<void> {
  const { reporter } = deps
  const { taskId, claim, token, attempt, doubts } = run
  const outcome = await reporter.report(
    { op: 'own', taskId, claim, reportId: reporter.nextId(), expect: token, attempt },
    run,
  )
  // The answer may have waited in a socket of this process while another node took over the task.
  noticePause()
  if (outcome.kind === 'committed' && run.doubts !== doubts && run.over === undefined) {
    return ask(run, deps, noticePause)
  }
  run.check = undefined
  if (run.over !== undefined) return
  if (outcome.kind === 'committed') run.doubtful = false
  else endRun(run, outcome, deps)
}
