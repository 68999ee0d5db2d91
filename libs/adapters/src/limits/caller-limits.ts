import type { RateAnswer, RateAsk } from '@agentfleet/domain'
import { redisKey } from '../store/redis-keys.ts'
import { connectRedis, type RedisConnection, type RedisOptions } from '../store/redis.ts'

/**
 * Limits of keys of the API, and tickets, shared by all gateways through Redis (keys: redis-keys.ts). All of it
 * is disposable (L8): an emptied Redis gives each key a full bucket and forgets tickets, which live for seconds.
 */
export interface CallerLimits extends RedisConnection {
  /** Draws the permit of one request of a key with this rate. It may ask for a reserve of its gateway, too. */
  draw(keyId: string, perMinute: number, ask?: AskedPermits): Promise<Drawn>
  /**
   * Frees the places of requests that have ended. Then gives a place to each waiting request, in order, while the
   * limit allows it; resolves to the number of these requests.
   */
  open(
    keyId: string,
    concurrent: number,
    entering: readonly string[],
    leaving: readonly string[],
  ): Promise<number>
  /** Keeps requests counted that are still open; call it every ENTRY_LEASE_MS / 3. */
  renew(keyId: string, members: readonly string[]): Promise<void>
  /** Keeps a ticket by its digest for this long, milliseconds. */
  saveTicket(digest: string, text: string, lifetimeMs: number): Promise<void>
  /** Returns the text of a ticket once; undefined for an unknown, used or expired one. */
  useTicket(digest: string): Promise<string | undefined>
}

/** Permits that a request asks for in addition to its own. */
type AskedPermits = Pick<RateAsk, 'extra' | 'reserved'>

/** The answer to a request of a key with a rate. */
export interface Drawn extends RateAnswer {
  readonly kind: 'given' | 'empty'
  /** Requests left in the bucket. */
  readonly left: number
  /** Milliseconds until the next permit, if there is none now. */
  readonly retryAfterMs: number
}

/** Longer than a gateway waits, so that an answer which its busy event loop reads late still counts, milliseconds. */
const COMMAND_WITHIN_MS = 5_000
/** A request that asks for no reserve. */
const NO_RESERVE: AskedPermits = { extra: 0, reserved: 0 }
/** An open request of a gateway that died stays counted for this long, milliseconds. */
export const ENTRY_LEASE_MS = 15_000

/** The rate follows the rule of `drawPermits` in libs/domain. */
const DRAW_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local perMinute, extra, reserved = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'left', 'atMs')
local left = tonumber(held[1] or perMinute)
local passed = math.max(0, now - tonumber(held[2] or now))
local cap = perMinute
if passed < 60000 then cap = math.max(left, perMinute - reserved) end
left = math.min(cap, left + passed * perMinute / 60000)
if left < 1 then return {0, 0, math.ceil((1 - left) * 60000 / perMinute), 0} end
extra = math.min(extra, math.floor((left - 1) / 2))
left = left - 1 - extra
redis.call('HSET', KEYS[1], 'left', tostring(left), 'atMs', tostring(now))
redis.call('PEXPIRE', KEYS[1], 120000)
return {1, math.floor(left), 0, extra}
`
const OPEN_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local concurrent, lease, leaving = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for index = 4, 3 + leaving do redis.call('ZREM', KEYS[1], ARGV[index]) end
local entering = #ARGV - 3 - leaving
if entering == 0 then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local entered = math.max(0, math.min(entering, concurrent - redis.call('ZCARD', KEYS[1])))
for index = 4 + leaving, 3 + leaving + entered do
  redis.call('ZADD', KEYS[1], now + lease, ARGV[index])
end
if entered > 0 then redis.call('PEXPIRE', KEYS[1], lease) end
return entered
`
const RENEW_SCRIPT = `
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[index]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
`

/** Connects to the shared limits; while Redis is away every call throws `store-unavailable`. */
export async function connectCallerLimits(options: RedisOptions): Promise<CallerLimits> {
  const link = await connectRedis(options, 'limits of keys', COMMAND_WITHIN_MS)
  const open = (keyId: string): string => redisKey('callerOpen', keyId)
  return {
    async draw(keyId, perMinute, { extra: wanted, reserved } = NO_RESERVE) {
      const keys = [redisKey('callerRate', keyId)]
      const argv = [perMinute, wanted, reserved]
      const answer = (await link.script(DRAW_SCRIPT, keys, argv)) as number[]
      const [given, left = 0, retryAfterMs = 0, extra = 0] = answer
      return { kind: given === 1 ? 'given' : 'empty', left, extra, retryAfterMs }
    },
    async open(keyId, concurrent, entering, leaving) {
      const argv = [concurrent, ENTRY_LEASE_MS, leaving.length, ...leaving, ...entering]
      return (await link.script(OPEN_SCRIPT, [open(keyId)], argv)) as number
    },
    async renew(keyId, members) {
      await link.script(RENEW_SCRIPT, [open(keyId)], [ENTRY_LEASE_MS, ...members])
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
