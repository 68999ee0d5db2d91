import { randomUUID } from 'node:crypto'
import type { CallerLimits, Entered } from '@agentfleet/adapters'
import { takePermit, type Bucket, type KeyLimits, type Principal } from '@agentfleet/domain'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'

/**
 * Limits of keys: requests in a minute, and requests and streams that are open at once.
 *
 * All gateways count together in Redis. While Redis is away each gateway counts alone, from what Redis last
 * said is left of a key, so a key then gets at most its limit at each gateway. Invariant (L7): the state of at most KEYS_MAX keys is held; an open request is
 * counted until it has ended.
 */
export interface KeyLimiter {
  /** Resolves once the request may continue; throws a Refusal at a limit. */
  enter(
    principal: Principal,
    request: FastifyRequest,
    reply: FastifyReply,
    stream: boolean,
  ): Promise<void>
  /** Keeps open requests counted in Redis. */
  readonly renewals: Service
}

/** Milliseconds; a third of ENTRY_LEASE_MS, so that one lost renewal ends no count. */
const RENEW_INTERVAL_MS = 5_000
/** About 200 bytes each. */
const KEYS_MAX = 20_000
const MINUTE_S = 60

/** Creates a limiter that counts nothing yet. */
export function createKeyLimiter(deps: {
  shared: Pick<CallerLimits, 'enter' | 'renew' | 'leave' | 'connected'>
  clock: Clock
  log: Logger
}): KeyLimiter {
  const { shared, clock, log } = deps
  const prefix = randomUUID()
  const open = new Map<string, Set<string>>()
  const alone = new Map<string, Bucket>()
  let counter = 0

  function remember(keyId: string, bucket: Bucket): void {
    alone.delete(keyId)
    alone.set(keyId, bucket)
    const [oldest = ''] = alone.size > KEYS_MAX ? alone.keys() : []
    alone.delete(oldest)
  }

  /** Counts in this gateway only. */
  function enterAlone(keyId: string, { requestsPerMinute, concurrent }: KeyLimits): Entered {
    if (concurrent !== undefined && (open.get(keyId)?.size ?? 0) >= concurrent) {
      return { kind: 'concurrent', left: -1, retryAfterMs: 1_000 }
    }
    if (requestsPerMinute === undefined) return { kind: 'entered', left: -1, retryAfterMs: 0 }
    const limits = { perMinute: requestsPerMinute, burst: requestsPerMinute }
    const taken = takePermit(alone.get(keyId), limits, clock.monotonicMs())
    remember(keyId, taken.bucket)
    if (taken.kind === 'empty') return { kind: 'rate', left: 0, retryAfterMs: taken.retryAfterMs }
    return { kind: 'entered', left: Math.floor(taken.bucket.left), retryAfterMs: 0 }
  }

  async function ask(keyId: string, limits: KeyLimits, member: string): Promise<Entered> {
    if (!shared.connected()) return enterAlone(keyId, limits)
    try {
      const entered = await shared.enter(keyId, limits, member)
      // A busy Redis may miss its deadline for the next request, which then finds what is left, not a full bucket.
      if (limits.requestsPerMinute !== undefined && entered.kind !== 'concurrent') {
        remember(keyId, { left: Math.max(0, entered.left), atMs: clock.monotonicMs() })
      }
      return entered
    } catch (error) {
      log.debug(
        { err: error, keyId },
        'Redis does not answer; the rate limit of a key now counts only the requests that reach this gateway',
      )
      return enterAlone(keyId, limits)
    }
  }

  function hold(keyId: string, member: string, ended: NodeJS.EventEmitter) {
    const members = open.get(keyId) ?? new Set()
    open.set(keyId, members.add(member))
    ended.once('close', () => {
      members.delete(member)
      if (members.size === 0) open.delete(keyId)
      // A lost release ends with its lease.
      shared.leave(keyId, member).catch(() => undefined)
    })
  }

  return {
    async enter({ keyId, limits = {} }, request, reply, stream) {
      const member = `${prefix}.${counter++}`
      const { kind, left, retryAfterMs } = await ask(keyId, limits, member)
      const { requestsPerMinute, concurrent } = limits
      if (requestsPerMinute !== undefined) tellRate(reply, requestsPerMinute, Math.max(0, left))
      if (kind === 'entered') {
        const ended = stream ? request.raw.socket : reply.raw
        if (concurrent !== undefined) hold(keyId, member, ended)
        return
      }
      void reply.header('retry-after-ms', String(retryAfterMs))
      void reply.header('retry-after', String(Math.ceil(retryAfterMs / 1_000)))
      throw kind === 'rate'
        ? new Refusal(
            'rate-limited',
            `This key may send ${requestsPerMinute} requests a minute. Send the request again after Retry-After seconds.`,
          )
        : new Refusal(
            'too-many-requests-open',
            `This key may have ${concurrent} requests and streams open at once. Wait until a request or stream has ended.`,
          )
    },
    renewals: every(RENEW_INTERVAL_MS, { clock, log, name: 'renew-key-limits' }, async () => {
      if (!shared.connected()) return
      await Promise.all([...open].map(([keyId, members]) => shared.renew(keyId, [...members])))
    }),
  }
}

/** Writes the rate in the forms that clients know: the IETF draft, and the names of OpenAI. */
function tellRate(reply: FastifyReply, perMinute: number, left: number): void {
  const refillS = Math.ceil(((perMinute - left) * MINUTE_S) / perMinute)
  void reply.headers({
    'ratelimit-policy': `"key";q=${perMinute};w=${MINUTE_S}`,
    ratelimit: `"key";r=${left};t=${refillS}`,
    'x-ratelimit-limit-requests': String(perMinute),
    'x-ratelimit-remaining-requests': String(left),
    'x-ratelimit-reset-requests': `${refillS}s`,
  })
}
