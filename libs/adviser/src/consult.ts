/**
 * One consultation: kept answer, breaker, budget, call, schema, clamps, record.
 *
 * Invariants: it ends within its timeout; breaker and budget are released however it ends; an answer that
 * leaves this module has passed the schema, the clamps, and the schema again.
 */
import {
  admitCall,
  breakerAfter,
  CLOSED_BREAKER,
  jsonIn,
  type Breaker,
  type BreakerEvent,
  type BreakerLimits,
  type ModelPrice,
} from '@agentfleet/domain'
import type { AdviceRecord } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import { without, type Advice, type AdviserMode, type Consultation } from './advice.ts'
import { createAnswers, type KeptAnswer } from './answers.ts'
import { createBudget, type BudgetLimits, type Payer } from './budget.ts'
import { startDeadline } from './deadline.ts'
import { promptOf, type Seen, type SeenShape } from './figures.ts'
import type { Provider, ProviderReply, TokensUsed } from './provider.ts'
import { stateHashOf, type Question } from './question.ts'
import { figuresOf } from './schema.ts'

/** The limits of an adviser: money and waiting time. */
export interface AdviserLimits extends BudgetLimits {
  /** Upper bound of every question's own timeout. */
  readonly timeoutMs: number
  /** Longest answer that the model may give, tokens. */
  readonly outputTokensMax: number
}

/** The dependencies of a consultation. */
interface ConsultDeps {
  readonly provider: Provider
  readonly mode: Exclude<AdviserMode, 'off'>
  readonly model: string
  readonly price: ModelPrice
  readonly limits: AdviserLimits
  /** Durations, budgets and expiries use its monotonic time. */
  readonly clock: Clock
  readonly log: Logger
}

/** Asks one question about one state; a kept answer must hold for `forMs` more. */
type Consult = <S extends SeenShape, A>(
  question: Question<S, A>,
  seen: Seen<S>,
  forMs: number,
  signals: readonly AbortSignal[],
  payer?: Payer,
) => Promise<Consultation<A>>

/** The record of a question before its outcome is known. */
interface Asked<S extends SeenShape, A> {
  readonly question: Question<S, A>
  readonly seen: Seen<S>
  readonly record: Omit<AdviceRecord, 'outcome'>
}

type Reply = ProviderReply | { readonly kind: 'timeout' | 'cancelled' }
type Failed = 'invalid' | 'timeout' | 'refused' | 'provider-failed' | 'cancelled'
type Read =
  | { readonly kind: 'good'; readonly kept: KeptAnswer }
  | { readonly kind: Failed; readonly why: string; readonly raw?: string }

/**
 * Three failures in a row are not chance; ten minutes are a typical outage of a provider. A probe ends within
 * a question's timeout, 30 s at most.
 */
const BREAKER_LIMITS: BreakerLimits = {
  failuresMax: 3,
  openMs: 600_000,
  openMaxMs: 600_000,
  probeMs: 30_000,
}
/** Figures and names take shorter tokens than prose; the estimate is rather too high than too low. */
const CHARACTERS_PER_TOKEN = 2
/** The longest text in a record. */
const RAW_CHARACTERS_MAX = 2_000
const CLAMPS_MAX = 32

/** Creates a way to consult the provider, with its own breaker, budget and kept answers. */
export function createConsult(deps: ConsultDeps): Consult {
  const { mode, model, price, limits, clock, log } = deps
  const answers = createAnswers(clock.monotonicMs)
  const budget = createBudget(limits, clock.monotonicMs)
  const pass = createBreaker(clock.monotonicMs, log)

  return async (question, seen, forMs, signals, payer) => {
    const { prompt, why } = { why: '', prompt: undefined, ...promptOf(question.seen, seen) }
    if (prompt === undefined) {
      log.error(
        { question: question.name, why },
        'A question to the adviser contains undeclared figures; the service did not send the question',
      )
      return { advice: without('not-figures'), expiresAtMs: 0 }
    }
    const stateHash = stateHashOf(question, model, seen)
    const none = { cached: false, tookMs: 0, costUsd: 0, clamped: [] }
    const record = { mode, model, stateHash, askedAtMs: clock.nowMs(), ...none }
    const asked = { question, seen, record }
    const kept = answers.find(stateHash, forMs)
    if (kept) return conclude({ ...asked, record: { ...record, cached: true } }, kept, log)

    const end = pass()
    if (end === undefined) return failed(asked, 'circuit-open')
    const { instruction, jsonSchema } = question
    const sent = prompt.length + instruction.length + JSON.stringify(jsonSchema).length
    const input = Math.ceil(sent / CHARACTERS_PER_TOKEN)
    const costMaxUsd = costOf(price, { input, output: limits.outputTokensMax })
    const reservation = budget.reserve(costMaxUsd, payer)
    if (reservation === undefined) {
      end('nothing')
      return failed(asked, 'over-budget')
    }
    const startedMs = clock.monotonicMs()
    try {
      const reply = await call(deps, question, prompt, signals)
      const tookMs = Math.round(clock.monotonicMs() - startedMs)
      const costUsd = paidFor(reply, price) ?? costMaxUsd
      reservation.settle(costUsd)
      const read = readReply(reply, question, clock.monotonicMs())
      const done = { ...asked, record: { ...record, tookMs, costUsd } }
      end(read.kind === 'good' ? 'success' : read.kind === 'cancelled' ? 'nothing' : 'failure')
      if (read.kind === 'good') {
        answers.keep(stateHash, read.kept)
        return conclude(done, read.kept, log)
      }
      const { kind, why: cause, raw } = read
      log.warn(
        { question: question.name, outcome: kind, why: cause, tookMs },
        'The adviser gave no advice',
      )
      return failed(done, kind, raw)
    } finally {
      // Both change nothing when they were called before.
      end('nothing')
      reservation.settle(undefined)
    }
  }
}

/**
 * Stops calls to a provider that fails; logs when that begins and ends. Returns what lets a call pass: it returns the
 * function that reports, once, how the call ended, or undefined while no call is allowed.
 */
function createBreaker(monotonicMs: () => number, log: Logger) {
  let breaker: Breaker = CLOSED_BREAKER
  const end = (event: BreakerEvent): void => {
    // A call that passed before the breaker opened changes nothing.
    if (breaker.kind === 'open') return
    const before = breaker.kind
    breaker = breakerAfter(breaker, event, BREAKER_LIMITS, monotonicMs())
    if (breaker.kind === 'open' && event === 'failure') {
      const { openMs } = BREAKER_LIMITS
      log.warn(
        { openMs },
        'The adviser failed; the service does not ask the adviser for some minutes',
      )
    } else if (breaker.kind === 'closed' && before === 'probing') {
      log.info({}, 'The adviser answers questions again')
    }
  }
  return (): ((event: BreakerEvent) => void) | undefined => {
    const admitted = admitCall(breaker, BREAKER_LIMITS, monotonicMs())
    if (admitted.kind === 'deny') return undefined
    breaker = admitted.breaker
    let told = false
    return (event) => {
      if (!told) end(event)
      told = true
    }
  }
}

/** Ends with the call or with the timeout, whatever the provider does. */
async function call<S extends SeenShape, A>(
  { provider, limits }: ConsultDeps,
  question: Question<S, A>,
  prompt: string,
  signals: readonly AbortSignal[],
): Promise<Reply> {
  const { name, instruction, jsonSchema } = question
  const timeoutMs = Math.min(question.timeoutMs, limits.timeoutMs)
  const { outputTokensMax } = limits
  const deadline = startDeadline(timeoutMs, signals)
  const { signal } = deadline
  try {
    return await Promise.race([
      deadline.ended.then((kind) => ({ kind })),
      provider({ name, instruction, prompt, jsonSchema, outputTokensMax, timeoutMs, signal }),
    ])
  } finally {
    deadline.clear()
  }
}

function readReply<S extends SeenShape, A>(
  reply: Reply,
  question: Question<S, A>,
  nowMs: number,
): Read {
  switch (reply.kind) {
    case 'timeout':
    case 'cancelled':
      return { kind: reply.kind, why: reply.kind }
    case 'failed':
      return reply.why === 'timeout'
        ? { kind: 'timeout', why: reply.why }
        : { kind: 'provider-failed', why: reply.why }
    case 'refused':
      return { kind: 'refused', why: 'refusal', raw: reply.text }
    case 'cut-short':
      return { kind: 'invalid', why: 'the answer is longer than allowed', raw: reply.text }
    case 'answered': {
      const raw = reply.text
      const json = jsonIn(raw)
      if (json === undefined) return { kind: 'invalid', why: 'not JSON', raw }
      const parsed = question.schema.safeParse(json)
      if (!parsed.success)
        return { kind: 'invalid', why: 'the answer does not match the schema', raw }
      const expiresAtMs = nowMs + question.ttlMs
      const kept = { answer: parsed.data, raw: raw.slice(0, RAW_CHARACTERS_MAX), expiresAtMs }
      return { kind: 'good', kept }
    }
  }
}

/** Clamps, by the current figures, an answer that may have been given for similar ones. */
function conclude<S extends SeenShape, A>(
  { question, seen, record }: Asked<S, A>,
  kept: KeptAnswer,
  log: Logger,
): Consultation<A> {
  const { mode } = record
  try {
    // A copy, so that a clamp that writes into it does not change the kept answer.
    const { answer, clamped } = question.clamp(structuredClone(kept.answer) as A, seen)
    const checked = question.schema.safeParse(answer)
    if (!checked.success)
      throw new Error('the answer does not match the schema after its values were limited')
    const follows = question.followsPolicy(answer, seen)
    const full: AdviceRecord = {
      ...record,
      outcome: mode === 'shadow' ? 'shadow' : follows ? 'followed-policy' : 'applied',
      answer: figuresOf(answer),
      clamped: clamped.slice(0, CLAMPS_MAX),
      raw: kept.raw,
    }
    const advice: Advice<A> =
      mode === 'on' ? { kind: 'applied', answer, record: full } : without('shadow', full)
    return { advice, expiresAtMs: kept.expiresAtMs }
  } catch (error) {
    log.error(
      { err: error, question: question.name },
      'The answer of the adviser could not be limited to the allowed values; the policy decides without it',
    )
    return failed({ question, seen, record }, 'invalid', kept.raw)
  }
}

function failed<S extends SeenShape, A>(
  { record }: Asked<S, A>,
  outcome: Failed | 'circuit-open' | 'over-budget',
  raw?: string,
): Consultation<A> {
  const cut = raw === undefined ? {} : { raw: raw.slice(0, RAW_CHARACTERS_MAX) }
  return { advice: without(outcome, { ...record, outcome, ...cut }), expiresAtMs: 0 }
}

function costOf({ inputUsdPerMillion, outputUsdPerMillion }: ModelPrice, used: TokensUsed): number {
  return (used.input * inputUsdPerMillion + used.output * outputUsdPerMillion) / 1_000_000
}

/** The cost of a reply; undefined when unknown, as after a timeout. */
function paidFor(reply: Reply, price: ModelPrice): number | undefined {
  // A request that was turned away is not charged.
  if (reply.kind === 'failed') return reply.why.startsWith('status-') ? 0 : undefined
  const used = 'used' in reply ? reply.used : undefined
  return used && costOf(price, used)
}
