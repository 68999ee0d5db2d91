import type { Ops, Recorded } from '@agentfleet/adapters'
import { MINUTE_MS } from '@agentfleet/domain'
import {
  OUTCOME_AFTER_MINUTES,
  SUBJECTS,
  type Decision,
  type DecisionOutcome,
  type Figures,
} from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'

/**
 * Outcomes of decisions: the figures of the fleet 1, 5 and 15 minutes later, on OPS.
 *
 * Invariants: OUTCOME-1 each outcome is stored once, however many processes of the service measure it (they
 * do so within the duplicate window, under one message id); OUTCOME-2 at most `PENDING_MAX` wait, the oldest
 * are dropped; OUTCOME-3 a process that starts takes over the outcomes that are not due yet, from the
 * sequence that the last decision names.
 */
export type Outcomes = ReturnType<typeof createOutcomes>

/** The dependencies of outcomes. */
export interface OutcomesDeps {
  readonly service: string
  readonly ops: Pick<Ops, 'record' | 'decisionsAfter' | 'lastDecision'>
  readonly clock: Clock
}

/** The figures of one outcome; undefined while they are unknown. */
type FiguresOf = (decision: Decision) => Promise<Figures | undefined> | Figures | undefined

/** Three for each decision of a quarter of an hour at the recorded rate, and a reserve. */
const PENDING_MAX = 512
/** Decisions read at a time: a round trip each. */
const DECISIONS_MAX = 200
/** A measurement later than this no longer fits its name, milliseconds. */
const LATE_MAX_MS = 30_000
/** Decisions of other processes are known well before their first outcome is due, milliseconds. */
const READ_EVERY_MS = 20_000

interface Pending {
  readonly seq: number
  readonly decision: Decision
  readonly afterMinutes: number
  readonly dueAtMs: number
}

/** Nothing is pending until `resume` or `measure`. */
export function createOutcomes({ service, ops, clock }: OutcomesDeps) {
  const pending = new Map<string, Pending>()
  let lastSeq = 0
  let readSeq: number | undefined
  let readAtMs = -Infinity

  const add = ({ seq, record: decision }: Recorded<Decision>, afterMs: number): void => {
    lastSeq = Math.max(lastSeq, seq)
    for (const afterMinutes of OUTCOME_AFTER_MINUTES) {
      const dueAtMs = decision.atMs + afterMinutes * MINUTE_MS
      const key = `${decision.id}.${afterMinutes}`
      if (dueAtMs > afterMs) pending.set(key, { seq, decision, afterMinutes, dueAtMs })
    }
    for (const key of pending.keys()) {
      if (pending.size <= PENDING_MAX) break
      pending.delete(key)
    }
  }
  const read = async (afterSeq: number, afterMs: number): Promise<void> => {
    const { records, seq } = await ops.decisionsAfter(service, afterSeq, DECISIONS_MAX)
    for (const one of records) add(one, afterMs)
    readSeq = seq
    readAtMs = clock.monotonicMs()
  }
  /** Takes over pending outcomes from earlier processes; returns the last decision. */
  const resume = async (): Promise<Decision | undefined> => {
    pending.clear()
    const last = await ops.lastDecision(service)
    const from = last?.inputs['pendingFromSeq']
    await read(typeof from === 'number' ? Math.max(0, from - 1) : 0, clock.nowMs())
    return last
  }

  return {
    /** Measures the outcomes of this decision from now on. */
    follow: (recorded: Recorded<Decision>): void => add(recorded, -Infinity),
    /** Where a successor has to begin to read: the oldest decision with a pending outcome, or the last decision. */
    oldestSeq: () => Math.min(lastSeq, ...[...pending.values()].map(({ seq }) => seq)),
    resume,
    /** Records the due outcomes; an outcome without figures waits, up to a limit. */
    async measure(figuresOf: FiguresOf): Promise<void> {
      if (readSeq === undefined) await resume()
      else if (clock.monotonicMs() - readAtMs > READ_EVERY_MS) {
        await read(readSeq, clock.nowMs() - LATE_MAX_MS)
      }
      const nowMs = clock.nowMs()
      for (const [key, { decision, afterMinutes, dueAtMs }] of pending) {
        if (dueAtMs > nowMs) continue
        const figures = await figuresOf(decision)
        if (figures === undefined && nowMs - dueAtMs <= LATE_MAX_MS) continue
        const outcome: DecisionOutcome = {
          decisionId: decision.id,
          service,
          afterMinutes,
          atMs: nowMs,
          figures: figures ?? { complete: false },
        }
        await ops.record(SUBJECTS.opsOutcome(service), outcome, `${service}.outcome.${key}`)
        // Only now: an outcome whose record failed is tried again.
        pending.delete(key)
      }
    },
    /** Another process measures from now on. */
    forget(): void {
      pending.clear()
      readSeq = undefined
    },
  }
}
