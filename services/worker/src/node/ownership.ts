import { ack, type Bus, type Logger } from '@agentfleet/adapters'
import type { Reporter } from './reports.ts'
import type { Run, Runs } from './runs.ts'

/**
 * After the bus was away, or the process stood still, other nodes may run what runs here. Every run is
 * then doubtful until the coordinator has confirmed it: it renews nothing, and it reports nothing
 * but this question (L3, L4).
 *
 * Invariants: the question is asked of a run whose token stands still; a report under way resolves the
 * doubt by itself, as does the begin of a fenced run; at most one question per run is out.
 */
export interface Ownership {
  /** Doubts every run, and asks. */
  doubtAll(reason: string): void
}

/** What asking needs. */
export interface OwnershipDeps {
  readonly bus: Bus
  readonly log: Logger
  readonly runs: Runs
  readonly reporter: Reporter
}

/** Asks the coordinator over this reporter. */
export function createOwnership(deps: OwnershipDeps): Ownership {
  const { log, runs } = deps
  return {
    doubtAll(reason) {
      if (runs.size() === 0) return
      log.info({ reason, runs: runs.size() }, 'asking which runs are still owned')
      for (const run of runs.all()) {
        run.doubtful = true
        if (run.check !== undefined || !standsStill(run)) continue
        run.check = ask(run, deps).catch((error: unknown) => {
          log.error({ err: error, taskId: run.taskId }, 'a question broke off')
          runs.end(run, 'unconfirmed')
        })
      }
    },
  }
}

/** Whether no report of the run is under way, so that its token is the last that the log has of it. */
export function standsStill(run: Run): boolean {
  if (run.phase === 'running') return true
  return run.phase === 'queued' && !run.fenced && run.spec !== undefined
}

async function ask(run: Run, { bus, runs, reporter }: OwnershipDeps): Promise<void> {
  const { taskId, claim, token, attempt } = run
  const outcome = await reporter.report(
    { op: 'own', taskId, claim, reportId: reporter.nextId(), expect: token, attempt },
    run,
  )
  run.check = undefined
  if (run.over !== undefined) return
  switch (outcome.kind) {
    case 'committed':
      run.doubtful = false
      return
    case 'finished':
    case 'not-due':
      if (runs.end(run, outcome.kind)) ack.done(bus, run.ackSubject)
      return
    case 'superseded':
    case 'refused':
      runs.end(run, outcome.kind)
      return
    case 'begun':
    case 'rejected':
    case 'unavailable':
      runs.end(run, 'unconfirmed')
  }
}
