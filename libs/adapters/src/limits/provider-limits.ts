import type { RateLimits, TenantBudget, TenantLimitMet, TenantLimitName } from '@agentfleet/domain'
import { nanoUsd, usdOfNano } from '@agentfleet/domain'
import {
  BUDGET_SCRIPT,
  PARK_SCRIPT,
  RESERVE_SCRIPT,
  SETTLE_SCRIPT,
  TOUCH_SCRIPT,
} from './rate-limit-scripts.ts'
import { redisKey } from '../store/redis-keys.ts'
import { connectRedis, type RedisConnection, type RedisOptions } from '../store/redis.ts'
import { usageKey } from '../store/usage-totals.ts'

/**
 * Limits of providers' keys and budgets of tenants, shared by all nodes through Redis (keys: redis-keys.ts).
 * Each operation is one script, so it is atomic and takes one round trip. All of it is disposable (L8): an
 * emptied Redis starts with buckets that hold half a second of calls.
 */
export interface ProviderLimits extends RedisConnection {
  /**
   * Asks for grants for these calls, in order: the first calls are granted, the other calls may ask again
   * after a wait.
   */
  reserve(key: string, ask: ReserveAsk): Promise<Reserved>
  settle(key: string, settlement: Settlement): Promise<void>
  /** How many milliseconds from now a call that leaves the wait queue should return. */
  park(key: string, ask: ParkAsk): Promise<number>
  /** Reports that the node lives and keeps its calls counted; returns the state of the keys. */
  touch(node: string, keys: readonly TouchedKey[]): Promise<Touched>
  /** Reserves a part of a tenant's budget. */
  reserveBudget(tenant: string, ask: BudgetAsk): Promise<BudgetReserved>
}

/** One call that asks for a grant. */
export interface ReserveAsk {
  readonly node: string
  readonly limits: RateLimits
  readonly burstMs: number
  readonly horizonMs: number
  readonly calls: readonly { readonly id: string; readonly tokens: number }[]
  /** Calls of this node that wait, these included. */
  readonly waiting: number
}

/** A call that would have to wait too long. */
interface ParkAsk {
  readonly tenant: string
  readonly limits: RateLimits
  readonly burstMs: number
  readonly tokens: number
  readonly leastMs: number
  readonly mostMs: number
}

/** The answer to a request for grants. */
export interface Reserved {
  /** For the first calls, in their order: how many milliseconds from now each may begin. */
  readonly delaysMs: readonly number[]
  /** Wait before the other calls may ask again, milliseconds. */
  readonly waitMs: number
  /** The provider refuses every call for this long, milliseconds. */
  readonly closedMs: number
  /** Nodes that wait for this key. */
  readonly nodes: number
  readonly rpm: number
  readonly tpm: number
}

/** The outcome of calls. */
export interface Settlement {
  readonly limits: RateLimits
  readonly burstMs: number
  /** Requests that were not made, or that the provider did not count. */
  readonly requestsBack: number
  /** Reserved tokens that were not used; below zero when more were used. */
  readonly tokensBack: number
  /** No node may call for this long, milliseconds. */
  readonly closeMs: number
  /** The limits that the provider named in its answer. */
  readonly named: {
    readonly rpm?: number
    readonly tpm?: number
    readonly requestsLeft?: number
    readonly tokensLeft?: number
  }
  /** Finished calls. */
  readonly over: readonly string[]
}

/** A key that a node uses, with its calls under way. */
export interface TouchedKey {
  readonly key: string
  readonly live: readonly string[]
}

/** The state of keys. */
export interface Touched {
  readonly nodes: number
  readonly keys: readonly {
    readonly closedMs: number
    readonly rpm: number
    readonly tpm: number
    /** What the buckets held at their last change; undefined before the first call. */
    readonly left?: { readonly requests: number; readonly tokens: number; readonly ageMs: number }
  }[]
}

/** The most that a call may use. */
export interface BudgetAsk {
  readonly budget: TenantBudget
  readonly id: string
  readonly tokens: number
  readonly usd: number
  /** The reservation expires after this, milliseconds. */
  readonly lifetimeMs: number
}

/** Whether a call may use a part of its tenant's budget. */
export type BudgetReserved =
  | { readonly kind: 'reserved' }
  /** The budget has no room for the call even if the calls under way use nothing; `atMs`: now, by the clock of Redis. */
  | { readonly kind: 'exceeded'; readonly met: TenantLimitMet; readonly atMs: number }
  /** There may be room once the calls under way have ended and the totals of the log include them. */
  | { readonly kind: 'held' }

/** A node that waits longer for Redis continues with its own share, milliseconds. */
const COMMAND_WITHIN_MS = 500
/** A call under way stays counted for this long after the node last reported, milliseconds. */
export const CALL_LEASE_MS = 15_000

/** Connects to the shared limits; while Redis is unavailable every call throws `store-unavailable`. */
export async function connectProviderLimits(options: RedisOptions): Promise<ProviderLimits> {
  const link = await connectRedis(options, 'shared limits', COMMAND_WITHIN_MS)
  const buckets = (key: string): string => redisKey('buckets', key)
  const live = (key: string): string => redisKey('calls', key)
  return {
    async reserve(key, ask) {
      const { limits, horizonMs, node, calls, waiting } = ask
      const wanted = calls.flatMap(({ id, tokens }) => [id, Math.ceil(tokens)])
      const shares = [limits.concurrent, horizonMs, node, CALL_LEASE_MS, waiting]
      const argv = [...bucketArgv(ask), ...shares, ...wanted]
      const keys = [buckets(key), live(key), redisKey('waiting', key)]
      const answer = (await link.script(RESERVE_SCRIPT, keys, argv)) as number[]
      const [waitMs = 0, closedMs = 0, nodes = 1, rpm = 0, tpm = 0, ...delaysMs] = answer
      return { delaysMs, waitMs, closedMs, nodes, rpm, tpm }
    },
    async settle(key, settlement) {
      await link.script(SETTLE_SCRIPT, [buckets(key), live(key)], settlementArgv(settlement))
    },
    async park(key, ask) {
      const { tenant, tokens, leastMs, mostMs } = ask
      const argv = [...bucketArgv(ask), Math.ceil(tokens), leastMs, mostMs, tenant]
      const keys = [buckets(key), redisKey('parked', key)]
      return Number(await link.script(PARK_SCRIPT, keys, argv))
    },
    async touch(node, keys) {
      const names = [
        redisKey('nodes'),
        ...keys.map(({ key }) => buckets(key)),
        ...keys.map(({ key }) => live(key)),
      ]
      const argv = [node, CALL_LEASE_MS, ...keys.map((each) => each.live.join(' '))]
      const [nodes = 1, ...rest] = (await link.script(TOUCH_SCRIPT, names, argv)) as number[]
      return {
        nodes,
        keys: keys.map((_key, index) => {
          const state = rest.slice(index * 6, index * 6 + 6)
          const [closedMs = 0, rpm = 0, tpm = 0, requests = 0, tokens = 0, ageMs = -1] = state
          return { closedMs, rpm, tpm, ...(ageMs < 0 ? {} : { left: { requests, tokens, ageMs } }) }
        }),
      }
    },
    async reserveBudget(tenant, ask) {
      const keys = [redisKey('budgetCalls', tenant), redisKey('budgetHeld', tenant)]
      const answer = (await link.script(BUDGET_SCRIPT, keys, budgetArgv(tenant, ask))) as string
      if (answer === '') return { kind: 'reserved' }
      if (answer === 'held') return { kind: 'held' }
      const parts = answer.split(' ') as [string, TenantLimitName, string, string]
      const [, limit, counted, atMs] = parts
      const inUsd = limit.startsWith('usd')
      const used = inUsd ? usdOfNano(Number(counted)) : Number(counted)
      const met = { limit, used, next: inUsd ? ask.usd : ask.tokens }
      return { kind: 'exceeded', met, atMs: Number(atMs) }
    },
    connected: () => link.connected(),
    close: () => link.close(),
  }
}

/** The arguments with which every script fills the buckets of a key. */
function bucketArgv({ limits, burstMs }: Pick<Settlement, 'limits' | 'burstMs'>): number[] {
  return [limits.rpm, limits.tpm, burstMs]
}

function settlementArgv(settlement: Settlement): (string | number)[] {
  const { requestsBack, tokensBack, closeMs, named, over } = settlement
  const { rpm = 0, tpm = 0, requestsLeft = -1, tokensLeft = -1 } = named
  const known = [rpm, tpm, requestsLeft, tokensLeft]
  return [...bucketArgv(settlement), requestsBack, tokensBack, closeMs, ...known, ...over]
}

function budgetArgv(
  tenant: string,
  { budget, id, tokens, usd, lifetimeMs }: BudgetAsk,
): (string | number)[] {
  const most = (limit: number | undefined): number => limit ?? -1
  const nano = (limit: number | undefined): number => (limit === undefined ? -1 : nanoUsd(limit))
  return [
    most(budget.tokensPerDay),
    nano(budget.usdPerDay),
    most(budget.tokensPerHour),
    nano(budget.usdPerHour),
    id,
    Math.ceil(tokens),
    nanoUsd(usd),
    lifetimeMs,
    usageKey(tenant, ''),
    redisKey('usageFollowed'),
  ]
}
