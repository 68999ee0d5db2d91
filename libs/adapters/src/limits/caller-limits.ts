import type { KeyLimits, RateAsk } from '@agentfleet/domain'
import { redisKey } from '../store/redis-keys.ts'
import { connectRedis, type RedisOptions } from '../store/redis.ts'

/**
 * Limits of keys of the API, and tickets, shared by all gateways through Redis (keys: redis-keys.ts). All of it
 * is disposable (L8): an emptied Redis gives each key a full bucket and forgets tickets, which live for seconds.
 */
export interface CallerLimits {
  /** Counts one request of a key; `member` names it until `leave`. It may ask for a reserve of its gateway, too. */
  enter(keyId: string, limits: KeyLimits, member: string, ask?: AskedPermits): Promise<Entered>
  /** Keeps requests counted that are still open; call it every ENTRY_LEASE_MS / 3. */
  renew(keyId: string, members: readonly string[]): Promise<void>
  leave(keyId: string, member: string): Promise<void>
  /** Keeps a ticket by its digest for this long, milliseconds. */
  saveTicket(digest: string, text: string, lifetimeMs: number): Promise<void>
  /** Returns the text of a ticket once; undefined for an unknown, used or expired one. */
  useTicket(digest: string): Promise<string | undefined>
  /** Whether Redis is connected now. */
  connected(): boolean
  close(): Promise<void>
}

/** Permits that a request asks for in addition to its own. */
type AskedPermits = Pick<RateAsk, 'extra' | 'reserved'>

/** The answer to a request of a key with limits. */
export interface Entered {
  readonly kind: 'entered' | 'rate' | 'concurrent'
  /** Requests left in the bucket; -1 for a key without a rate. */
  readonly left: number
  /** Requests that Redis has counted for the reserve of the gateway. */
  readonly extra: number
  /** Of a refusal: until the next request may come, milliseconds. */
  readonly retryAfterMs: number
}

/** Longer than a gateway waits, so that an answer which its busy event loop reads late still counts, milliseconds. */
const COMMAND_WITHIN_MS = 5_000
/** A request that asks for no reserve. */
const NO_RESERVE: AskedPermits = { extra: 0, reserved: 0 }
/** An open request of a gateway that died stays counted for this long, milliseconds. */
export const ENTRY_LEASE_MS = 15_000

/** The rate follows the rule of `drawPermits` in libs/domain. */
const ENTER_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local perMinute, concurrent = tonumber(ARGV[1]), tonumber(ARGV[2])
local lease, extra, reserved = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if concurrent > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  if redis.call('ZCARD', KEYS[2]) >= concurrent then return {2, -1, 1000, 0} end
end
local left = -1
if perMinute > 0 then
  local held = redis.call('HMGET', KEYS[1], 'left', 'atMs')
  left = tonumber(held[1] or perMinute)
  local passed = math.max(0, now - tonumber(held[2] or now))
  local cap = perMinute
  if passed < 60000 then cap = math.max(left, perMinute - reserved) end
  left = math.min(cap, left + passed * perMinute / 60000)
  if left < 1 then return {1, 0, math.ceil((1 - left) * 60000 / perMinute), 0} end
  extra = math.min(extra, math.floor((left - 1) / 2))
  left = left - 1 - extra
  redis.call('HSET', KEYS[1], 'left', tostring(left), 'atMs', tostring(now))
  redis.call('PEXPIRE', KEYS[1], 120000)
end
if concurrent > 0 then
  redis.call('ZADD', KEYS[2], now + lease, ARGV[3])
  redis.call('PEXPIRE', KEYS[2], lease)
end
return {0, math.floor(left), 0, extra}
`
const RENEW_SCRIPT = `
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[index]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
`
const KINDS = ['entered', 'rate', 'concurrent'] as const

/** Connects to the shared limits; while Redis is away every call throws `store-unavailable`. */
export async function connectCallerLimits(options: RedisOptions): Promise<CallerLimits> {
  const link = await connectRedis({
    ...options,
    name: 'limits of keys',
    commandWithinMs: COMMAND_WITHIN_MS,
  })
  const open = (keyId: string): string => redisKey('callerOpen', keyId)
  return {
    async enter(keyId, { requestsPerMinute = 0, concurrent = 0 }, member, ask = NO_RESERVE) {
      const keys = [redisKey('callerRate', keyId), open(keyId)]
      const { extra: wanted, reserved } = ask
      const argv = [requestsPerMinute, concurrent, member, ENTRY_LEASE_MS, wanted, reserved]
      const answer = (await link.script(ENTER_SCRIPT, keys, argv)) as number[]
      const [kind = 0, left = -1, retryAfterMs = 0, extra = 0] = answer
      return { kind: KINDS[kind] ?? 'entered', left, extra, retryAfterMs }
    },
    async renew(keyId, members) {
      await link.script(RENEW_SCRIPT, [open(keyId)], [ENTRY_LEASE_MS, ...members])
    },
    async leave(keyId, member) {
      await link.guarded(() => link.redis.zrem(open(keyId), member))
    },
    async saveTicket(digest, text, lifetimeMs) {
      await link.guarded(() => link.redis.set(redisKey('ticket', digest), text, 'PX', lifetimeMs))
    },
    async useTicket(digest) {
      const text = await link.guarded(() => link.redis.getdel(redisKey('ticket', digest)))
      return text ?? undefined
    },
    connected: () => link.connected(),
    close: () => link.close(),
  }
}
