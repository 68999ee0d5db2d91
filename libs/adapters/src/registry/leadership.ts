import type { Logger } from '@agentfleet/runtime'

/**
 * One leader among replicas, by a lock that is bound to a session with a time to live.
 *
 * States: standing (no lock) → leading → standing …, closed. Invariants:
 * F1 a candidate counts as leader only within one TTL of the moment when it *asked for* its last successful
 *    renewal: the registry may keep a dead leader's lock longer, never shorter, so two never lead at once;
 * F2 no registry, no leader: an outage longer than the TTL ends a leadership;
 * F3 at most one round of calls is under way; a failed round is repeated after a third of the TTL.
 */

/** The terms of a candidacy. */
export interface LeadOptions {
  /** How long the lock outlives its holder, milliseconds; Consul's least is 10,000. */
  readonly ttlMs: number
  /** The candidate's name, for people who look at the lock. */
  readonly holder: string
}

/** A candidacy. */
export interface Leadership {
  /** Whether this candidate leads at this moment. */
  leading(): boolean
  /** Gives the leadership back, so that another takes over at once. */
  close(): Promise<void>
}

/** The registry calls that a lock needs. */
export interface LockCalls {
  createSession(name: string, ttlMs: number): Promise<string>
  /** False when the registry no longer knows the session. */
  renewSession(id: string): Promise<boolean>
  destroySession(id: string): Promise<unknown>
  /** True when this session holds the lock, also when it did before. */
  acquire(session: string, value: string): Promise<boolean>
}

/** Consul refuses a shorter session, milliseconds. */
const TTL_MIN_MS = 10_000
/** Two renewals may fail before the third would be too late. */
const ROUNDS_PER_TTL = 3
/** A standing candidate checks this often whether the lock is free, milliseconds. */
const STAND_INTERVAL_MS = 1_000

/** Starts a candidacy. */
export function standForLeader(
  calls: LockCalls,
  options: LeadOptions & { readonly key: string; readonly log: Logger },
): Leadership {
  const { key, log, holder } = options
  const ttlMs = Math.max(TTL_MIN_MS, options.ttlMs)
  let session: string | undefined
  let heldUntilMs = -Infinity
  let announced = false
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let expiry: NodeJS.Timeout | undefined
  let round: Promise<void> = Promise.resolve()

  const leading = (): boolean => !closed && performance.now() < heldUntilMs

  const announce = (): void => {
    clearTimeout(expiry)
    const now = leading()
    if (now) expiry = setTimeout(announce, heldUntilMs - performance.now() + 1)
    if (now === announced) return
    announced = now
    log.info(
      { key, holder },
      now ? 'This process has become the leader' : 'This process is no longer the leader',
    )
  }

  const stand = async (): Promise<void> => {
    const askedAtMs = performance.now()
    if (session !== undefined && !(await calls.renewSession(session))) session = undefined
    session ??= await calls.createSession(key, ttlMs)
    const held = await calls.acquire(session, holder)
    heldUntilMs = held ? askedAtMs + ttlMs : -Infinity
  }

  const next = async (): Promise<void> => {
    try {
      await stand()
    } catch (error) {
      // F1 decides how long an earlier leadership still counts.
      log.warn({ err: error, key }, 'The process could not renew its leadership in Consul')
    }
    if (closed) return
    announce()
    const waitMs = leading() ? ttlMs / ROUNDS_PER_TTL : STAND_INTERVAL_MS
    timer = setTimeout(start, waitMs)
  }
  const start = (): void => {
    round = next()
  }
  start()

  return {
    leading,
    async close() {
      if (closed) return
      closed = true
      clearTimeout(timer)
      announce()
      await round
      // Also releases the lock; if the call fails, the TTL does the same later.
      if (session !== undefined) await calls.destroySession(session).catch(() => undefined)
    },
  }
}
