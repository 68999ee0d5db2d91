import type { Level } from '@agentfleet/domain'
import type { Touched } from '@agentfleet/adapters'
import { createGrants, needsGrant, type GrantDeps, type Grants } from './grants.ts'
import { createWaitQueue } from './wait-queue.ts'
import { RETRY_AFTER_MAX_MS, type RateHints } from '../provider/headers.ts'

/**
 * The limiter before one provider's key: calls wait here until the whole fleet's limits let them through.
 *
 * States of a call: waits (by priority, then age) → promised (may begin in some milliseconds) → in →
 * out (settled). Invariants: nobody goes in without a grant, unless no limit is known and the key is
 * open; each grant is settled or given back once; every wait has an end; while Redis is away a node
 * goes on with its share of the limits among the nodes it last saw, and with no more.
 */
export interface Limiter {
  /** Resolves when the call may begin, when it has waited long enough, or when it was taken back. */
  enter(ask: LimiterAsk): Promise<Entry>
  /** The provider has answered a call that is in. */
  heard(hints: RateHints): void
  /** Settles a call that went in. */
  leave(id: string, outcome: Left): void
  /** How long a call of this urgency would probably wait, milliseconds. */
  expectedWaitMs(priority: Level, sinceMs: number): number
  waiting(): number
  /** Calls that went in and have not left. */
  inside(): number
  /** For how long it takes no call, milliseconds. */
  closedMs(): number
  /** Ids of calls that count as being under way. */
  live(): readonly string[]
  /** How the fleet's view of this key stands. */
  touched(nodes: number, state: Touched['keys'][number]): void
  /** Lets those go that have waited long enough; called a few times a second. */
  sweep(nowMs: number): void
}

/** A call that wants to go in. */
export interface LimiterAsk {
  readonly id: string
  readonly priority: Level
  /** When its task came: the older ones go first. */
  readonly sinceMs: number
  /** Probable tokens of the call. */
  readonly tokens: number
  /** It would rather not wait longer than this. */
  readonly patienceMs: number
  /** Receives the function that takes the call back. */
  onWait(takeBack: () => void): void
}

/** How waiting ended. */
export type Entry =
  | { readonly kind: 'in' }
  | { readonly kind: 'late'; readonly retryAfterMs: number }
  | { readonly kind: 'taken-back' }

/** What became of a call that went in. */
export interface Left {
  /** Tokens set aside for it. */
  readonly reserved: number
  /** Tokens it used; undefined: unknown, and taken for what was set aside. */
  readonly used: number | undefined
  /** The provider turned it away for its rate, and wants to hear of nobody for so long. */
  readonly closedMs: number | undefined
}

/** What a limiter needs. */
export interface LimiterDeps extends GrantDeps {
  readonly random: () => number
}

interface Waiter extends Omit<LimiterAsk, 'onWait'> {
  /** Its turn should have come long ago. */
  readonly untilMs: number
  /** Undefined: its wait is over. */
  resolve: ((entry: Entry) => void) | undefined
  /** Promised a moment. */
  timer: NodeJS.Timeout | undefined
}

const BATCH_MAX = 64
const POLL_MIN_MS = 5
const POLL_MAX_MS = 1_000
/** A refusal that names no time; providers count by the minute or faster. */
const RETRY_AFTER_UNKNOWN_MS = 1_000
const MINUTE_MS = 60_000
/**
 * First guesses of tokens are high. Whoever comes back too early leaves once more, which costs two events;
 * whoever comes back too late leaves the limit unused.
 */
const PARKED_TOKENS_SHARE = 0.25

/** An open limiter. */
export function createLimiter(deps: LimiterDeps): Limiter {
  const { nowMs, random } = deps
  const grants = createGrants(deps)
  const queue = createWaitQueue<Waiter>()
  const inside = new Set<string>()
  let asking = false
  let timer: NodeJS.Timeout | undefined

  const schedule = (ms: number): void => {
    if (queue.size() === 0 || timer !== undefined) return
    timer = setTimeout(() => void pump(), Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, ms)))
  }
  const pump = async (): Promise<void> => {
    timer = undefined
    if (asking || queue.size() === 0) return
    asking = true
    const batch = queue.first(BATCH_MAX)
    const { delaysMs, waitMs } = await grants.reserve(batch, queue.size(), inside.size)
    asking = false
    for (const [index, delayMs] of delaysMs.entries()) {
      const waiter = batch[index]
      if (waiter !== undefined) promise(waiter, delayMs)
    }
    const all = delaysMs.length >= batch.length
    // Nodes that ask at the same moments would always be served in the same order.
    schedule(all ? 0 : waitMs * (1 + random() / 4))
  }
  const promise = (waiter: Waiter, delayMs: number): void => {
    if (!queue.remove(waiter)) giveBack(waiter)
    else if (delayMs === 0) letIn(waiter)
    else waiter.timer = setTimeout(letIn, delayMs, waiter)
  }
  const letIn = (waiter: Waiter): void => {
    waiter.timer = undefined
    // Turned away meanwhile: what was promised before that is void.
    if (grants.closedMs() > 0) {
      giveBack(waiter)
      queue.add(waiter)
      schedule(grants.closedMs())
      return
    }
    inside.add(waiter.id)
    resolve(waiter, { kind: 'in' })
  }
  const resolve = (waiter: Waiter, entry: Entry): void => {
    const { resolve: done } = waiter
    waiter.resolve = undefined
    done?.(entry)
  }
  const giveBack = ({ id, tokens }: Waiter): void =>
    grants.settle({ requestsBack: 1, tokensBack: tokens, over: [id] })
  const end = (waiter: Waiter, entry: Entry): void => {
    if (waiter.resolve === undefined) return
    queue.remove(waiter)
    if (waiter.timer !== undefined) {
      clearTimeout(waiter.timer)
      giveBack(waiter)
    }
    resolve(waiter, entry)
  }
  const waitAt = (place: number): number =>
    expectedWait(grants, place, queue.first(1)[0]?.tokens ?? 0)
  /** Others may have the slot meanwhile; those who come back are spread, so that none is idle. */
  const park = async ({ tokens, patienceMs }: Pick<LimiterAsk, 'tokens' | 'patienceMs'>) => {
    const leastMs = patienceMs * (0.25 + random() / 4)
    const least = Math.max(RETRY_AFTER_UNKNOWN_MS, leastMs)
    const retryAfterMs = await grants.park(tokens * PARKED_TOKENS_SHARE, least)
    return { kind: 'late', retryAfterMs } as const
  }

  return {
    enter: ({ onWait, ...call }) =>
      new Promise((settle) => {
        if (!needsGrant(grants)) {
          inside.add(call.id)
          settle({ kind: 'in' })
          return
        }
        const expectedMs = waitAt(queue.placeOf(call))
        if (expectedMs > call.patienceMs) {
          void park(call).then(settle)
          return
        }
        const untilMs = nowMs() + 2 * call.patienceMs
        const waiter: Waiter = { ...call, untilMs, resolve: settle, timer: undefined }
        onWait(() => end(waiter, { kind: 'taken-back' }))
        queue.add(waiter)
        schedule(0)
      }),
    heard(hints) {
      if (hints.rpm === undefined && hints.tpm === undefined) return
      grants.learn(hints.rpm, hints.tpm)
      const { retryAfterMs: _when, ...named } = hints
      grants.settle({ named })
    },
    leave(id, { reserved, used, closedMs }) {
      inside.delete(id)
      if (closedMs !== undefined) {
        const closeMs = Math.min(RETRY_AFTER_MAX_MS, Math.max(1, closedMs))
        grants.close(closeMs)
        grants.settle({ closeMs, tokensBack: reserved, over: [id] })
        schedule(closeMs)
        return
      }
      if (!needsGrant(grants)) return
      grants.settle({ tokensBack: used === undefined ? 0 : reserved - used, over: [id] })
      if (grants.limits().concurrent > 0) schedule(0)
    },
    expectedWaitMs: (priority, sinceMs) => waitAt(queue.placeOf({ priority, sinceMs })),
    waiting: () => queue.size(),
    inside: () => inside.size,
    closedMs: () => grants.closedMs(),
    live: () => (grants.limits().concurrent > 0 ? [...inside] : []),
    touched: grants.touched,
    sweep(now) {
      queue.backwards((waiter) => {
        if (now < waiter.untilMs) return
        queue.remove(waiter)
        void park(waiter).then((entry) => resolve(waiter, entry))
      })
      schedule(0)
    },
  }
}

/** How long the call at this place of the queue would probably wait, milliseconds. */
function expectedWait(grants: Grants, place: number, tokens: number): number {
  const { rpm, tpm } = grants.limits()
  const perRequestMs = rpm === 0 ? 0 : MINUTE_MS / rpm
  const perTokensMs = tpm === 0 ? 0 : (tokens * MINUTE_MS) / tpm
  const ahead = place * Math.max(1, grants.rivals())
  return grants.closedMs() + ahead * Math.max(perRequestMs, perTokensMs)
}

/** How long a key stays closed after a refusal. */
export function closedMsOf(retryAfterMs: number | undefined): number {
  return retryAfterMs ?? RETRY_AFTER_UNKNOWN_MS
}
