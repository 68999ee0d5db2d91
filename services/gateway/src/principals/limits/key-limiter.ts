import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { KeyLimits, Principal } from '@agentfleet/domain'
import { every, type Clock, type Logger } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../../http/problems.ts'
import { JWT_KEY_PREFIX } from '../jwt/verifier.ts'
import type { KeyCounts } from './key-counts.ts'
import type { Counted } from './key-rates.ts'

/** Limits of keys, for requests: counts each of them, and refuses those beyond a limit. */
export type KeyLimiter = ReturnType<typeof createKeyLimiter>

/** Milliseconds; a third of ENTRY_LEASE_MS, so that one lost renewal ends no count. */
const RENEW_INTERVAL_MS = 5_000
const MINUTE_S = 60

/** Creates a limiter that counts nothing yet. */
export function createKeyLimiter(deps: { counts: KeyCounts; clock: Clock; log: Logger }) {
  const { counts, clock, log } = deps
  const prefix = randomUUID()
  let counter = 0

  function decided(
    { keyId, limits = {} }: Principal,
    counted: Counted,
    reply: FastifyReply,
    place: { readonly member: string; readonly ended: Socket | ServerResponse } | undefined,
  ): void {
    const { requestsPerMinute } = limits
    if (requestsPerMinute !== undefined) {
      tellRate(reply, requestsPerMinute, Math.max(0, counted.left))
    }
    if (counted.kind !== 'entered') throw refusalOf(keyId, counted, limits)
    if (place === undefined) return
    const { member, ended } = place
    if (ended.destroyed) counts.leave(keyId, member)
    else ended.once('close', () => counts.leave(keyId, member))
  }

  return {
    /**
     * Returns once the request may continue, or a promise of it if Redis has to be asked; throws or rejects with a
     * Refusal at a limit.
     */
    enter(
      principal: Principal,
      request: FastifyRequest,
      reply: FastifyReply,
      stream: boolean,
    ): Promise<void> | undefined {
      const place =
        principal.limits?.concurrent === undefined
          ? undefined
          : { member: `${prefix}.${counter++}`, ended: stream ? request.raw.socket : reply.raw }
      const counted = counts.enter(principal, place?.member ?? '')
      if (counted instanceof Promise) {
        return counted.then((after) => decided(principal, after, reply, place))
      }
      decided(principal, counted, reply, place)
      return undefined
    },
    /** Keeps open requests counted in Redis. */
    renewals: every(RENEW_INTERVAL_MS, { clock, log, name: 'renew-key-limits' }, counts.renew),
  }
}

function refusalOf(
  keyId: string,
  { kind, retryAfterMs, alone }: Counted,
  { requestsPerMinute, concurrent }: KeyLimits,
): Refusal {
  const share = alone ? ' Redis does not answer, so this gateway lets through only its share.' : ''
  const who = keyId.startsWith(JWT_KEY_PREFIX) ? 'All tokens of this subject together' : 'This key'
  return kind === 'rate'
    ? new Refusal(
        'rate-limited',
        `${who} may send ${requestsPerMinute} requests a minute.${share} Send the request again after Retry-After seconds.`,
        undefined,
        retryAfterMs,
      )
    : new Refusal(
        'too-many-requests-open',
        `${who} may have ${concurrent} requests and streams open at once.${share} Wait until a request or stream has ended.`,
        undefined,
        retryAfterMs,
      )
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
