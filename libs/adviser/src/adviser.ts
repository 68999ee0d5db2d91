/**
 * The one harness for an LLM in a control loop: asks, checks, bounds, records, and never blocks the loop.
 *
 * States: with a provider, or permanently off; open → closed, once. Invariants: `ask`, `refresh` and
 * `current` never throw; `ask` resolves within its timeout; at most one question of a name is being
 * refreshed; advice is given out only until it expires; in `off` and after `close` no provider is called.
 */
import type { ModelPrice } from '@agentfleet/domain'
import type { AdviceRecord } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import { without, type Advice, type AdviserMode, type Consultation } from './advice.ts'
import type { Payer } from './budget.ts'
import { createConsult, type AdviserLimits } from './consult.ts'
import type { Seen, SeenShape } from './figures.ts'
import { createProvider } from './provider.ts'
import type { Question } from './question.ts'

/** The settings of an adviser. */
export interface AdviserOptions {
  readonly mode: AdviserMode
  /** Without a key and a base URL there is no provider, and the mode is `off`. */
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  readonly model: string
  readonly limits: AdviserLimits
  /** By model; `*` applies to all models without an entry. */
  readonly prices: Readonly<Record<string, ModelPrice>>
  readonly clock: Clock
  readonly log: Logger
  /** Called for every question that has a record: called, kept or turned away. */
  readonly onAsked?: (record: AdviceRecord, question: string) => void
}

/** The LLM that a control loop may ask. */
export interface Adviser {
  /** The mode in force. */
  readonly mode: AdviserMode
  /** Waits for advice, no longer than the question's timeout; never rejects. `payer`: the tenant that it is for. */
  ask<S extends SeenShape, A>(
    question: Question<S, A>,
    seen: Seen<S>,
    signal: AbortSignal,
    payer?: Payer,
  ): Promise<Advice<A>>
  /** Asks in the background, unless a call is under way or recent; returns at once. */
  refresh<S extends SeenShape, A>(question: Question<S, A>, seen: Seen<S>): void
  /** The advice of the last refresh while it holds, or why there is none; returns at once. */
  current<S extends SeenShape, A>(question: Question<S, A>): Advice<A>
  /** Cancels the calls under way and resolves when they have ended. */
  close(): Promise<void>
}

/** The state that `refresh` keeps for one question name. */
interface Slot {
  /** Whether a refresh is under way. */
  asking: boolean
  /** Earliest time of the next refresh. */
  dueAtMs: number
  /** The last usable advice; in shadow mode it is not applied. */
  held?: Consultation<unknown>
  /** The last outcome, if it was not advice. */
  missed?: Advice<unknown> | undefined
}

/** Above the price of any model in use, so that the budget also holds for a model without a known price. */
const PRICE_UNKNOWN: ModelPrice = Object.freeze({
  inputUsdPerMillion: 30,
  outputUsdPerMillion: 180,
})

/** Creates an adviser; opens nothing before the first question. */
export function createAdviser(options: AdviserOptions): Adviser {
  const { mode, apiKey, baseUrl, model, limits, prices, clock, log } = options
  const reachable = apiKey !== undefined || baseUrl !== undefined
  if (mode === 'off') return offAdviser('ADVISER_MODE is off', log)
  if (!reachable) return offAdviser('the service has no key and no base URL of a provider', log)
  log.info({ adviser: mode, model }, `The adviser is enabled in mode ${mode}`)
  const price = prices[model] ?? prices['*'] ?? PRICE_UNKNOWN
  const provider = createProvider({ apiKey, baseUrl, model })
  const consult = createConsult({ provider, mode, model, price, limits, clock, log })
  const closing = new AbortController()
  const { tracked, idle } = trackCalls()
  const slots = new Map<string, Slot>()

  async function consultSafely<S extends SeenShape, A>(
    question: Question<S, A>,
    seen: Seen<S>,
    forMs: number,
    signals: readonly AbortSignal[],
    payer?: Payer,
  ): Promise<Consultation<A>> {
    try {
      if (signals.some((signal) => signal.aborted)) return none(without('cancelled'))
      const consultation = await consult(question, seen, forMs, signals, payer)
      tell(options, consultation.advice.record, question.name)
      return consultation
    } catch (error) {
      log.error(
        { err: error, question: question.name },
        'A question to the adviser failed with an unexpected error',
      )
      return none(without('question-failed'))
    }
  }

  async function refreshSlot<S extends SeenShape, A>(
    slot: Slot,
    question: Question<S, A>,
    seen: Seen<S>,
  ): Promise<void> {
    // This refresh renews advice that would expire before the next one.
    const forMs = question.refreshEveryMs + question.timeoutMs
    const consultation = await consultSafely(question, seen, forMs, [closing.signal])
    slot.asking = false
    if (consultation.expiresAtMs > 0) slot.held = consultation
    slot.missed = consultation.expiresAtMs > 0 ? undefined : consultation.advice
  }

  return {
    mode,
    async ask(question, seen, signal, payer) {
      const signals = [signal, closing.signal]
      return (await tracked(consultSafely(question, seen, 0, signals, payer))).advice
    },
    refresh(question, seen) {
      const nowMs = clock.monotonicMs()
      const slot: Slot = slots.get(question.name) ?? { asking: false, dueAtMs: 0 }
      slots.set(question.name, slot)
      if (slot.asking || nowMs < slot.dueAtMs || closing.signal.aborted) return
      slot.asking = true
      slot.dueAtMs = nowMs + question.refreshEveryMs
      void tracked(refreshSlot(slot, question, seen))
    },
    current<S extends SeenShape, A>(question: Question<S, A>): Advice<A> {
      const slot = slots.get(question.name)
      return (slot ? adviceOf(slot, clock.monotonicMs()) : without('none')) as Advice<A>
    },
    async close() {
      closing.abort()
      await idle()
    },
  }
}

/** Knows the calls under way, none of which ever rejects. */
function trackCalls() {
  const underWay = new Set<Promise<unknown>>()
  return {
    tracked<T>(promise: Promise<T>): Promise<T> {
      underWay.add(promise)
      void promise.then(() => underWay.delete(promise))
      return promise
    },
    idle: () => Promise.all(underWay),
  }
}

function tell(
  { onAsked, log }: Pick<AdviserOptions, 'onAsked' | 'log'>,
  record: AdviceRecord | undefined,
  question: string,
): void {
  try {
    if (record) onAsked?.(record, question)
  } catch (error) {
    // A failing counter must not cost the advice.
    log.error({ err: error, question }, 'The adviser could not record an answer')
  }
}

function adviceOf({ held, missed, asking }: Slot, nowMs: number): Advice<unknown> {
  if (held && nowMs < held.expiresAtMs) return held.advice
  if (missed) return missed
  const record = held?.advice.record
  if (record) return without('expired', { ...record, outcome: 'expired' })
  return without(asking ? 'pending' : 'none')
}

function none<A>(advice: Advice<A>): Consultation<A> {
  return { advice, expiresAtMs: 0 }
}

function offAdviser(why: string, log: Logger): Adviser {
  log.info({ adviser: 'off', why }, `The adviser is off because ${why}; the policies decide alone`)
  return {
    mode: 'off',
    ask: async () => without('off'),
    refresh: () => undefined,
    current: () => without('off'),
    close: async () => undefined,
  }
}
