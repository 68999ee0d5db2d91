import { randomUUID } from 'node:crypto'
import { createAllowance, type AllowanceLimits } from '@agentfleet/domain'
import { SUBJECTS, type Decision } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { createOutcomes, type Outcomes, type OutcomesDeps } from './outcomes.ts'

/**
 * Records the decisions of one service on OPS: the situation, the options, the choice and the reason.
 *
 * Invariants: RECORD-1 a record never fails its caller: a failed one is logged and counted; RECORD-2 a
 * bounded number is under way; RECORD-3 limited decisions share an allowance, of which each tenant has
 * a share, so that alternating reasons never flood the stream; RECORD-4 `outcomes` measures outcomes, also those for processes that have ended.
 */
export type DecisionRecorder = ReturnType<typeof createDecisionRecorder>

/** A decision without the fields that the recorder adds. */
export type DecisionDraft = Omit<Decision, 'id' | 'service' | 'by' | 'atMs'> &
  Partial<Pick<Decision, 'id' | 'atMs'>>

/** Options of one record. */
export interface RecordOptions {
  /** Of several records with one id within seconds, from any process, the first is kept. */
  readonly messageId?: string
  /** The decision counts against the allowance. */
  readonly limited?: boolean
  /** The tenant whose task led to the decision: it takes at most its share of the allowance. */
  readonly payer?: { readonly tenant: string; readonly tenants: number }
  /**
   * A short form of the decision. While it stays the same, the recorder records a limited decision only once
   * in REPEAT_AFTER_MS.
   */
  readonly short?: string
}

/** The dependencies of a recorder. */
export interface RecorderDeps extends OutcomesDeps {
  /** The process that decides. */
  readonly by: string
  readonly log: Logger
  /** Without an allowance nothing is limited. */
  readonly limits?: AllowanceLimits
  /** Outcomes are measured later: each decision names the sequence where a successor begins to read. */
  readonly measured?: boolean
  /** Called for each lost decision: over the limits, or not stored. */
  readonly onLost?: () => void
}

/** Records under way at once: OPS answers within milliseconds. */
const UNDER_WAY_MAX = 64
/** A limited decision that stays the same is recorded again after this, milliseconds. */
const REPEAT_AFTER_MS = 300_000

/** Creates the recorder of one process. */
export function createDecisionRecorder(deps: RecorderDeps) {
  const { service, by, ops, clock, log, limits, measured = false, onLost } = deps
  const outcomes = createOutcomes({ service, ops, clock })
  const measuring: Pick<Outcomes, 'resume' | 'measure' | 'forget'> = outcomes
  const allowance = createAllowance(limits ?? UNLIMITED)
  let underWay = 0
  let said: { readonly short: string | undefined; readonly atMs: number } | undefined

  const repeats = (short: string | undefined): boolean =>
    short !== undefined &&
    short === said?.short &&
    clock.monotonicMs() - said.atMs < REPEAT_AFTER_MS

  const store = async (decision: Decision, { short, messageId }: RecordOptions) => {
    try {
      const seq = await ops.record(SUBJECTS.opsDecision(service), decision, messageId)
      if (measured) outcomes.follow({ seq, record: decision })
      said = { short, atMs: clock.monotonicMs() }
      return true
    } catch (error) {
      onLost?.()
      log.warn(
        { err: error, kind: decision.kind },
        'The process could not record a decision in the stream OPS',
      )
      return false
    }
  }

  return {
    /** Records a decision; false: it repeats the last one, is over the limit, or could not be stored. */
    async record(draft: DecisionDraft, how: RecordOptions = {}): Promise<boolean> {
      if (how.limited === true && repeats(how.short)) return false
      const { limited = false, payer } = how
      const mayPass = (): boolean =>
        allowance.take(clock.monotonicMs(), payer?.tenant, payer?.tenants)
      if (underWay >= UNDER_WAY_MAX || (limited && !mayPass())) {
        onLost?.()
        return false
      }
      const { inputs } = draft
      const decision = {
        id: randomUUID(),
        service,
        by,
        atMs: clock.nowMs(),
        ...draft,
        inputs: measured ? { ...inputs, pendingFromSeq: outcomes.oldestSeq() } : inputs,
      }
      underWay += 1
      return store(decision, how).finally(() => (underWay -= 1))
    },
    outcomes: measuring,
  }
}

const UNLIMITED: AllowanceLimits = { burst: Infinity, oneEveryMs: 1 }
