import {
  DAY_MS,
  HOUR_MS,
  jsonIn,
  nanoUsd,
  unpricedCallsOf,
  usdOfNano,
  type CountedValue,
  type Usage,
} from '@agentfleet/domain'
import {
  ADD_USAGE_SCRIPT,
  SET_ASIDE_SCRIPT,
  USAGE_FOLLOWED_SCRIPT,
} from '../limits/rate-limit-scripts.ts'
import { redisKey } from './redis-keys.ts'
import { connectRedis, type RedisConnection, type RedisOptions } from './redis.ts'

/**
 * Totals of usage by tenant and day (UTC), and by model, provider and agent, made from LOG alone.
 *
 * `usage` holds the log sequence up to which everything is counted. One script moves it with the totals, so
 * that every event counts exactly once, however many writers there are (L8). Hashes `usage:<tenant>:<day>`:
 * `<model> <provider>|in`, `|out`, `|calls`, `|nano`, `|unpriced`; the same for `@<agent>`; `=|tokens`, `=|nano`, `=|unpriced` of the day and
 * `<hour>|…` of its hours, which budgets are checked against; `=|agents` and `=|models` are the numbers of agents and models. The tenant `=` is the whole fleet,
 * and `=<tenant>|agents` and `=<tenant>|models` of its days are the numbers of those that a tenant used first: each tenant has a share of them (L7).
 * `|nano` is absent if no call has a price, `|unpriced` counts the calls that have none.
 * Hashes `usage:<tenant>:<day>:<group>` have the same fields for `@<tenant>` or `@<value of a metadata key, as JSON>`, and the same bound.
 */
export interface UsageTotals extends RedisConnection {
  /** The log sequence up to which everything is counted; 0 after the store was emptied. */
  position(): Promise<number>
  /**
   * Adds entries if the position is `from`; returns the position afterwards, moved or not. `tenants` is the number of
   * tenants that share the names in the totals of the fleet; default: one.
   */
  add(from: number, to: number, entries: readonly UsageEntry[], tenants?: number): Promise<number>
  /** Notes that all usage in the log until now is counted. */
  followed(): Promise<void>
  /** The usage of a tenant, or of the fleet, on these days. */
  read(tenant: string | undefined, days: readonly string[]): Promise<readonly DayUsage[]>
  /** The usage of a tenant by the values of a metadata key, or of the fleet by tenant, on these days. */
  readGroups(by: UsageGrouping, days: readonly string[]): Promise<readonly DayGroups[]>
  /** The tokens and the cost that calls under way set aside of the tenant's budget. */
  setAside(tenant: string): Promise<{ readonly tokens: number; readonly costUsd: number }>
}

/** The usage that one event of the log adds. */
export interface UsageEntry {
  readonly tenant: string
  readonly atMs: number
  readonly model: string
  readonly provider: string
  readonly agent: string
  /** The task's values of the metadata keys by which usage is counted. */
  readonly values?: readonly CountedValue[]
  readonly usage: Usage
}

/** What usage can be grouped by in a hash for each group. */
export type UsageGrouping =
  | { readonly by: 'tenant' }
  | { readonly by: 'metadata'; readonly tenant: string; readonly key: string }

/** The groups of one day that have usage. */
export interface DayGroups {
  readonly day: string
  /** Without a name: the sum of the further groups. */
  readonly groups: readonly { readonly name?: string; readonly usage: Usage }[]
}

/** Usage of one day. */
export interface DayUsage {
  readonly day: string
  readonly models: readonly {
    readonly model: string
    readonly provider: string
    readonly usage: Usage
  }[]
  /** An earlier release counted no agents, so the sum may be smaller than that of the models. */
  readonly agents: readonly { readonly agent: string; readonly usage: Usage }[]
  /** The hours (UTC) that have usage, earliest first. */
  readonly hours: readonly {
    readonly hour: number
    readonly tokens: number
    readonly costUsd: number
    /** Calls that the cost does not include. */
    readonly unpricedCalls: number
  }[]
}

const FLEET = '='
const COMMAND_WITHIN_MS = 2_000
/** Totals of a day are kept for just over a year, milliseconds. */
const KEEP_MS = 400 * DAY_MS

/** Further models, agents, tenants or values of a day are counted together as `(others)`: names come from clients (L7). */
const NAMES_MAX = 1_000
const OTHERS = '(others)'

/** The key of a tenant's totals of one day. */
export function usageKey(tenant: string, day: string): string {
  return redisKey('usage', tenant, day)
}

/** The key of the totals of one day by tenant, or by the values of a metadata key. */
function groupKey(grouping: UsageGrouping, day: string): string {
  return grouping.by === 'tenant'
    ? redisKey('usageGroup', FLEET, day, 'tenant')
    : redisKey('usageGroup', grouping.tenant, day, `metadata.${grouping.key}`)
}

/** Connects to the totals. */
export async function connectUsageTotals(options: RedisOptions): Promise<UsageTotals> {
  const link = await connectRedis(options, 'usage totals', COMMAND_WITHIN_MS)
  return {
    position: () =>
      link.guarded(async () => Number((await link.redis.get(redisKey('usagePosition'))) ?? 0)),
    async add(from, to, entries, tenants = 1) {
      const argv = [from, to, KEEP_MS, NAMES_MAX, tenants, ...incrementsOf(entries)]
      return Number(await link.script(ADD_USAGE_SCRIPT, [redisKey('usagePosition')], argv))
    },
    async followed() {
      await link.script(USAGE_FOLLOWED_SCRIPT, [redisKey('usageFollowed')], [])
    },
    read: (tenant, days) =>
      link.guarded(async () => {
        const keys = days.map((day) => usageKey(tenant ?? FLEET, day))
        const hashes = await Promise.all(keys.map((key) => link.redis.hgetall(key)))
        return hashes.flatMap((hash, index) => {
          const models = modelsOf(hash)
          return models.length === 0
            ? []
            : [{ day: days[index] ?? '', models, agents: agentsOf(hash), hours: hoursOf(hash) }]
        })
      }),
    readGroups: (grouping, days) =>
      link.guarded(async () => {
        const keys = days.map((day) => groupKey(grouping, day))
        const hashes = await Promise.all(keys.map((key) => link.redis.hgetall(key)))
        return hashes.map((hash, index) => ({
          day: days[index] ?? '',
          groups: agentsOf(hash).map(({ agent, usage }) => ({
            ...(agent === OTHERS ? {} : { name: nameOf(grouping, agent) }),
            usage,
          })),
        }))
      }),
    async setAside(tenant) {
      const names = [redisKey('budgetCalls', tenant), redisKey('budgetHeld', tenant)]
      const argv = [...names, redisKey('usageFollowed')]
      const [tokens, nano] = (await link.script(SET_ASIDE_SCRIPT, [], argv)) as string[]
      return { tokens: Number(tokens), costUsd: usdOfNano(Number(nano)) }
    },
    connected: () => link.connected(),
    close: () => link.close(),
  }
}

/** Every total that grows, by key and owner: key, owner, number of fields, and each field with its increment. */
function incrementsOf(entries: readonly UsageEntry[]): string[] {
  const sums = new Map<string, number>()
  const grow = (key: string, field: string, by: number | undefined, owner = ''): void => {
    const id = `${key}\n${owner}\n${field}`
    if (by !== undefined) sums.set(id, (sums.get(id) ?? 0) + by)
  }
  for (const { tenant, atMs, names, values, input, output, calls, ...cost } of groupsOf(entries)) {
    const iso = new Date(atMs).toISOString()
    const day = iso.slice(0, 10)
    const tokens = input + output
    const growCost = (key: string, name: string, owner?: string): void => {
      grow(key, `${name}|nano`, cost.nano, owner)
      grow(key, `${name}|unpriced`, cost.unpriced, owner)
    }
    const growName = (key: string, name: string, owner?: string): void => {
      grow(key, `${name}|in`, input, owner)
      grow(key, `${name}|out`, output, owner)
      grow(key, `${name}|calls`, calls, owner)
      growCost(key, name, owner)
    }
    growName(groupKey({ by: 'tenant' }, day), `@${tenant}`)
    for (const { key, value } of values) {
      // As JSON no value contains a line break, and none is `(others)`.
      const name = value === undefined ? OTHERS : JSON.stringify(value)
      growName(groupKey({ by: 'metadata', tenant, key }, day), `@${name}`)
    }
    for (const whose of [tenant, FLEET]) {
      const key = usageKey(whose, day)
      // Only the totals of the fleet have names of several tenants.
      for (const name of names) growName(key, name, whose === FLEET ? tenant : '')
      for (const span of ['=', iso.slice(11, 13)]) {
        grow(key, `${span}|tokens`, tokens)
        growCost(key, span)
      }
    }
  }
  const inOrder = [...sums].sort(([a], [b]) => (a < b ? -1 : 1))
  const argv: string[] = []
  let group = ''
  let countAt = 0
  for (const [id, by] of inOrder) {
    const [key = '', owner = '', field = ''] = id.split('\n')
    if (group !== `${key}\n${owner}`) {
      group = `${key}\n${owner}`
      countAt = argv.push(key, owner, '0') - 1
    }
    argv[countAt] = String(Number(argv[countAt]) + 1)
    argv.push(field, String(Math.round(by)))
  }
  return argv
}

interface Group {
  readonly tenant: string
  /** A time within the hour of the group. */
  readonly atMs: number
  /** The model with its provider, and the agent. */
  readonly names: readonly string[]
  readonly values: readonly CountedValue[]
  input: number
  output: number
  calls: number
  /** Undefined if no call has a price, so that a model that costs nothing is not taken for one without a price. */
  nano: number | undefined
  /** Undefined if every call has a price. */
  unpriced: number | undefined
}

const NOTHING = { input: 0, output: 0, calls: 0, nano: undefined, unpriced: undefined }

/** Adds up what falls into the same totals: thousands of entries become a few groups. */
function groupsOf(entries: readonly UsageEntry[]): Iterable<Group> {
  const groups = new Map<string, Group>()
  for (const { tenant, atMs, model, provider, agent, values = [], usage } of entries) {
    // A blank separates model and provider: neither name contains one. No name begins with an @.
    const names = [`${model} ${provider}`, `@${agent}`]
    const valued = values.length === 0 ? '' : JSON.stringify(values)
    const id = `${Math.floor(atMs / HOUR_MS)} ${tenant} ${names.join(' ')} ${valued}`
    const known = groups.get(id)
    const group = known ?? { tenant, atMs, names, values, ...NOTHING }
    if (known === undefined) groups.set(id, group)
    group.input += usage.inputTokens
    group.output += usage.outputTokens
    group.calls += usage.llmCalls
    const unpriced = unpricedCallsOf(usage)
    if (usage.costUsd !== undefined) group.nano = (group.nano ?? 0) + nanoUsd(usage.costUsd)
    if (unpriced > 0) group.unpriced = (group.unpriced ?? 0) + unpriced
  }
  return groups.values()
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour)

function hoursOf(hash: Readonly<Record<string, string>>): DayUsage['hours'] {
  return HOURS.flatMap((hour) => {
    const name = String(hour).padStart(2, '0')
    const tokens = hash[`${name}|tokens`]
    const nano = Number(hash[`${name}|nano`] ?? 0)
    const unpricedCalls = Number(hash[`${name}|unpriced`] ?? 0)
    if (tokens === undefined && nano === 0) return []
    return [{ hour, tokens: Number(tokens ?? 0), costUsd: usdOfNano(nano), unpricedCalls }]
  })
}

function modelsOf(hash: Readonly<Record<string, string>>): DayUsage['models'] {
  const names = namesIn(hash).filter((name) => name.includes(' ') && !name.startsWith('@'))
  return names.map((name) => {
    const [model = '', provider = ''] = name.split(' ')
    return { model, provider, usage: usageIn(hash, name) }
  })
}

function agentsOf(hash: Readonly<Record<string, string>>): DayUsage['agents'] {
  const names = namesIn(hash).filter((name) => name.startsWith('@'))
  return names.map((name) => ({ agent: name.slice(1), usage: usageIn(hash, name) }))
}

function nameOf({ by }: UsageGrouping, stored: string): string {
  const name = by === 'tenant' ? stored : jsonIn(stored)
  return typeof name === 'string' ? name : stored
}

function namesIn(hash: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.keys(hash).map((field) => field.slice(0, field.lastIndexOf('|')))
  return [...new Set(names)].sort()
}

function usageIn(hash: Readonly<Record<string, string>>, name: string): Usage {
  const number = (what: string): number => Number(hash[`${name}|${what}`] ?? 0)
  const nano = hash[`${name}|nano`]
  const unpricedCalls = number('unpriced')
  return {
    inputTokens: number('in'),
    outputTokens: number('out'),
    llmCalls: number('calls'),
    ...(nano === undefined ? {} : { costUsd: usdOfNano(Number(nano)) }),
    ...(nano === undefined || unpricedCalls === 0 ? {} : { unpricedCalls }),
  }
}
