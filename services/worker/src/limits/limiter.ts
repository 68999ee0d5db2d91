import { MINUTE_MS, type Level } from '@agentfleet/domain'
import type { ProviderModel } from '@agentfleet/protocol'
import { createGrants, needsGrant, type GrantDeps, type Grants } from './grants.ts'
import { createWaitQueue, type Queued } from './wait-queue.ts'
import type { RateHints } from '../provider/http/headers.ts'
import { RETRY_AFTER_MAX_MS } from '../provider/http/waits.ts'

/**
 * The limiter of one provider key or model: calls wait here until the limits of the whole fleet admit them.
 *
 * States of a call: waiting (tenants take turns, then by priority and age) → promised (may begin in some
 * milliseconds) → inside → left (settled). Invariants: a call enters only with a grant, unless no limit is
 * known and the key is open; each grant is settled or returned once; every wait ends; while Redis is
 * unavailable a node uses its share of the limits among the nodes that it last saw, and no more.
 */
export type Limiter = ReturnType<typeof createLimiter>

/** A call that asks to enter. */
interface LimiterAsk {
  readonly id: string
  readonly tenant: string
  readonly priority: Level
  /** The age of its task; of one tenant and priority, older tasks go first. */
  readonly sinceMs: number
  /** The expected tokens of the call. */
  readonly tokens: number
  /** The longest that the call should wait, in milliseconds. */
  readonly patienceMs: number
  /** Receives the function that withdraws the call. */
  onWait(takeBack: () => void): void
}

/** How a wait ended. */
export type Entry =
  | { readonly kind: 'in' }
  | { readonly kind: 'late'; readonly retryAfterMs: number }
  | { readonly kind: 'taken-back' }

/** The result of a call that entered. */
export interface Left {
  /** The tokens reserved for the call. */
  readonly reserved: number
  /** The tokens that the call used; undefined if unknown: then the reserved tokens count. */
  readonly used: number | undefined
  /** The provider refused the call for its rate and asked for this pause. */
  readonly closedMs: number | undefined
}

interface Waiter extends Omit<LimiterAsk, 'onWait'> {
  /** When its wait must end at the latest. */
  readonly untilMs: number
  /** Undefined once its wait is over. */
  resolve: ((entry: Entry) => void) | undefined
  /** Set while the call is promised. */
  timer: NodeJS.Timeout | undefined
}

const BATCH_MAX = 64
const POLL_MIN_MS = 5
const POLL_MAX_MS = 1_000
/** Milliseconds for which a key is closed after a refusal without a time; providers count by the minute or faster. */
export const RETRY_AFTER_UNKNOWN_MS = 1_000
/**
 * First estimates of tokens are high. A call that returns too early leaves again, at the cost
 * of two events; one that returns too late leaves the limit unused.
 */
const PARKED_TOKENS_SHARE = 0.25
/** The least time of a parked call, as a share of its patience: the calls before it have their turns so soon at the earliest. */
const PARKED_LEAST_SHARE = 0.25

/** Creates an open limiter. */
export function createLimiter(deps: GrantDeps) {
  const { nowMs } = deps
  const grants = createGrants(deps)
  const queue = createWaitQueue<Waiter>()
  const inside = new Set<string>()
  const { schedule, promised, resolve, end } = createPump(deps, grants, queue, inside)
  const waitAt = (place: number): number =>
    expectedWait(grants, place, queue.first(1)[0]?.tokens ?? 0)
  /**
   * Gives up the slot until the time is near. The calls return one after the other, so a later return of one call would
   * delay all that follow, and the limit would be unused once the calls that wait have had their turns.
   */
  const park = async ({ tenant, tokens, patienceMs }: Omit<LimiterAsk, 'onWait'>) => {
    const least = Math.max(RETRY_AFTER_UNKNOWN_MS, patienceMs * PARKED_LEAST_SHARE)
    const retryAfterMs = await grants.park(tenant, tokens * PARKED_TOKENS_SHARE, least)
    return { kind: 'late', retryAfterMs } as const
  }

  return {
    /** Resolves when the call may begin, has waited long enough, or was withdrawn. */
    enter: ({ onWait, ...call }: LimiterAsk) =>
      new Promise<Entry>((settle) => {
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
        const waiter: Waiter = { untilMs, resolve: settle, timer: undefined, ...call }
        onWait(() => end(waiter, { kind: 'taken-back' }))
        queue.add(waiter)
        schedule(0)
      }),
    /** Applies the rate headers of a provider's answer to a call. */
    heard(hints: RateHints): void {
      if (hints.rpm === undefined && hints.tpm === undefined) return
      grants.learn(hints.rpm, hints.tpm)
      grants.settle({ named: hints })
    },
    /** Settles a call that entered. */
    leave(id: string, { reserved, used, closedMs }: Left): void {
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
    /** Returns the expected wait of such a call, in milliseconds. */
    expectedWaitMs: (call: Queued) => waitAt(queue.placeOf(call)),
    waiting: queue.size,
    /** Whether a call waits, is promised or is inside. */
    isUsed: () => queue.size() + promised() + inside.size > 0,
    /** Returns for how many milliseconds no call may enter. */
    closedMs: grants.closedMs,
    /** Returns the limits of the key and their state; undefined if no limit is known and no call is held up. */
    state: () => stateOf(grants, queue.size()),
    /** Returns the ids of the calls under way. */
    live: () => (grants.limits().concurrent > 0 ? [...inside] : []),
    /** Applies the fleet's view of this key. */
    touched: grants.touched,
    /** Ends waits that have lasted long enough; called a few times a second. */
    sweep(now: number): void {
      queue.backwards((waiter) => {
        if (now < waiter.untilMs) return
        queue.remove(waiter)
        void park(waiter).then((entry) => resolve(waiter, entry))
      })
      schedule(0)
    },
  }
}

/** Creates what asks for grants for the calls that wait, and lets them in. */
function createPump(
  { random }: GrantDeps,
  grants: Grants,
  queue: ReturnType<typeof createWaitQueue<Waiter>>,
  inside: Set<string>,
) {
  let promised = 0
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
    // Without jitter, nodes that ask at the same moments would always be served in the same order.
    schedule(all ? 0 : waitMs * (1 + random() / 4))
  }
  const promise = (waiter: Waiter, delayMs: number): void => {
    if (!queue.serve(waiter)) giveBack(waiter)
    else if (delayMs === 0) letIn(waiter)
    else {
      promised += 1
      waiter.timer = setTimeout(letIn, delayMs, waiter)
    }
  }
  const letIn = (waiter: Waiter): void => {
    if (waiter.timer !== undefined) promised -= 1
    waiter.timer = undefined
    // The provider refused a call in the meantime, so earlier promises are void.
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
      promised -= 1
      giveBack(waiter)
    }
    resolve(waiter, entry)
  }
  return { schedule, promised: () => promised, resolve, end }
}

function stateOf(grants: Grants, waiting: number): ProviderModel['keyLimits'] {
  const closedForMs = Math.round(grants.closedMs())
  const levels = grants.levels()
  const held = closedForMs > 0 || waiting > 0
  if (!held && Object.keys(levels).length === 0) return undefined
  return { ...levels, closedForMs, waiting }
}

/** Returns the expected wait at this place of the queue, in milliseconds. */
function expectedWait(grants: Grants, place: number, tokens: number): number {
  const { rpm, tpm } = grants.limits()
  const perRequestMs = rpm === 0 ? 0 : MINUTE_MS / rpm
  const perTokensMs = tpm === 0 ? 0 : (tokens * MINUTE_MS) / tpm
  const ahead = place * Math.max(1, grants.rivals())
  return grants.closedMs() + ahead * Math.max(perRequestMs, perTokensMs)
}
