import type { Ops, RecordedDecision } from '@agentfleet/adapters'
import { OUTCOME_AFTER_MINUTES, SUBJECTS, type DecisionOutcome } from '@agentfleet/protocol'

/**
 * What became of decisions: the cluster's figures 1, 5 and 15 minutes later, on OPS.
 *
 * Invariants: O1 each outcome is recorded once by whoever leads when it is due; O2 at most
 * `PENDING_MAX` wait, the oldest are given up; O3 a new leader takes over those that are not due yet,
 * from the sequence that each decision names.
 */
export interface Outcomes {
  /** From now on the outcome of this decision is measured. */
  follow(recorded: RecordedDecision): void
  /** Records what is due; without figures it waits, up to a limit. */
  measure(figures: DecisionOutcome['figures'] | undefined, nowMs: number): Promise<void>
  /** From where the next leader has to read: the oldest decision with an outcome to come, or the last. */
  oldestSeq(): number
  /** Takes over what the last leader had pending. */
  takeOver(fromSeq: number, nowMs: number): Promise<void>
  /** No longer the leader: somebody else measures. */
  forget(): void
}

const MINUTE_MS = 60_000
/** Three for each decision of a quarter of an hour at the rate that is recorded, and some. */
const PENDING_MAX = 512
const DECISIONS_MAX = 200
/** A measurement that is later than this no longer says what its name says, milliseconds. */
const LATE_MAX_MS = 30_000

interface Pending {
  readonly seq: number
  readonly decisionId: string
  readonly afterMinutes: number
  readonly dueAtMs: number
}

/** Nothing pending. */
export function createOutcomes(
  service: string,
  ops: Pick<Ops, 'record' | 'decisionsFrom'>,
): Outcomes {
  let pending: Pending[] = []
  let lastSeq = 0

  const add = ({ seq, decision }: RecordedDecision, afterMs: number): void => {
    lastSeq = seq
    for (const afterMinutes of OUTCOME_AFTER_MINUTES) {
      const dueAtMs = decision.atMs + afterMinutes * MINUTE_MS
      if (dueAtMs > afterMs) pending.push({ seq, decisionId: decision.id, afterMinutes, dueAtMs })
    }
    if (pending.length > PENDING_MAX) pending = pending.slice(-PENDING_MAX)
  }

  return {
    follow: (recorded) => add(recorded, -Infinity),
    async measure(figures, nowMs) {
      const due = pending.filter(({ dueAtMs }) => dueAtMs <= nowMs)
      for (const one of due) {
        if (figures === undefined && nowMs - one.dueAtMs <= LATE_MAX_MS) continue
        const outcome: DecisionOutcome = {
          decisionId: one.decisionId,
          service,
          afterMinutes: one.afterMinutes,
          atMs: nowMs,
          figures: figures ?? { complete: false },
        }
        await ops.record(SUBJECTS.opsOutcome(service), outcome)
        // Only now: what could not be recorded is tried again.
        pending = pending.filter((other) => other !== one)
      }
    },
    oldestSeq: () => Math.min(lastSeq, ...pending.map(({ seq }) => seq)),
    async takeOver(fromSeq, nowMs) {
      pending = []
      const recorded = await ops.decisionsFrom(service, fromSeq, DECISIONS_MAX)
      for (const one of recorded) add(one, nowMs)
    },
    forget() {
      pending = []
    },
  }
}
