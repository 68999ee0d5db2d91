import type { PointerAcks } from '@agentfleet/adapters'
import type { Outcome } from '@agentfleet/protocol'
import type { Over, Run, Runs } from './runs.ts'

interface RunEndDeps {
  readonly acks: PointerAcks
  readonly runs: Runs
}

/**
 * Ends a run by the outcome of its report; `stored` is the end that a committed report has stored. The pointer is
 * acknowledged only after the outcomes `committed`, `finished` and `not-due` (L4).
 */
export function endRun(
  run: Run,
  { kind }: Outcome,
  { acks, runs }: RunEndDeps,
  stored: Over = 'unconfirmed',
): void {
  if (kind === 'committed' || kind === 'finished' || kind === 'not-due') {
    const over = kind === 'committed' ? stored : kind
    if (runs.end(run, over)) acks.done(run.ackSubject)
  } else {
    runs.end(run, kind === 'superseded' || kind === 'refused' ? kind : 'unconfirmed')
  }
}
