import type { DayGroups, DayUsage, UsageGrouping, UsageTotals } from '@agentfleet/adapters'
import { addUsage, DAY_MS, given, NO_USAGE, type Usage } from '@agentfleet/domain'
import type { FilledQueryOf, UsageReport } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal, wrongField } from '../http/problems.ts'
import { topGroups, type GroupOfDay } from './usage-groups.ts'

interface UsageRouteDeps {
  readonly usage: Pick<UsageTotals, 'read' | 'readGroups'>
  /** The metadata keys by which the coordinators count usage. */
  readonly metadataKeys: readonly string[]
  readonly operators: ReadonlySet<string>
  readonly nowMs: () => number
}

type Query = FilledQueryOf<'getUsage', 'scope' | 'groupBy'>

const METADATA = 'metadata.'
/** The sum of the further agents or tenants of a day. */
const OTHERS = '(others)'
/** A quarter of a year bounds one request. */
const DAYS_MAX = 92
const DAYS_DEFAULT = 30

/** Creates the handler of `/v1/usage` by operationId. */
export function usageRoutes({ usage, metadataKeys, operators, nowMs }: UsageRouteDeps) {
  /** The groups that the request asks for; throws a Refusal if it may not ask for them. */
  function groupingOf(
    groupBy: string,
    scope: Query['scope'],
    tenant: string,
  ): UsageGrouping | undefined {
    if (groupBy === 'tenant') {
      if (scope === 'fleet') return { by: 'tenant' }
      throw wrongField('query/groupBy', 'needs scope=fleet too if it is tenant')
    }
    if (!groupBy.startsWith(METADATA)) return undefined
    if (scope === 'fleet')
      throw wrongField('query/scope', 'must be absent: metadata belongs to one tenant')
    const key = groupBy.slice(METADATA.length)
    if (metadataKeys.includes(key)) return { by: 'metadata', tenant, key }
    const known = metadataKeys.map((each) => METADATA + each).join(', ')
    const detail =
      known === ''
        ? 'names a metadata key, but usage is counted by none; the operator can add keys to USAGE_METADATA_KEYS'
        : `must be ${known}, or the operator adds the key to USAGE_METADATA_KEYS`
    throw wrongField('query/groupBy', detail)
  }

  return {
    async getUsage(request: FastifyRequest): Promise<UsageReport> {
      const { from, to, scope, groupBy, top } = request.query as Query
      const { tenant } = request
      const mayReadAll = operators.has(tenant) || request.principal?.scopes.includes('admin')
      if (scope === 'fleet' && mayReadAll !== true) {
        throw new Refusal(
          'operators-only',
          'Only operators and keys with the scope admin may read the usage of the whole fleet. Omit scope to read your own usage.',
        )
      }
      const grouping = groupingOf(groupBy, scope, tenant)
      if (top !== undefined && grouping === undefined && groupBy !== 'agent')
        throw wrongField('query/top', 'needs groupBy with agent, tenant or metadata.KEY')
      const days = daysOf(from, to, nowMs())
      const [found, groups] = await Promise.all([
        usage.read(scope === 'fleet' ? undefined : tenant, days),
        grouping === undefined ? [] : usage.readGroups(grouping, days),
      ])
      const groupsOf = new Map(groups.map((each) => [each.day, each.groups]))
      const listed = top === undefined
      const views = found.map((day) => ({
        ...dayView(day, listed ? groupBy : 'model'),
        ...groupView(listed ? grouping : undefined, groupsOf.get(day.day) ?? []),
      }))
      const all = grouping === undefined ? found.map(agentsOf) : groups.map((each) => each.groups)
      return {
        scope,
        ...(scope === 'fleet' ? {} : { tenant }),
        from: days[0] ?? '',
        to: days.at(-1) ?? '',
        metadataKeys: [...metadataKeys],
        days: views,
        ...(listed ? {} : topGroups(all, top)),
        total: views.reduce((sum, { total }) => addUsage(sum, total), NO_USAGE),
      }
    },
  }
}

/** The agents of a day as groups; the name of the sum of further agents is none that an agent can have. */
function agentsOf({ agents }: DayUsage): readonly GroupOfDay[] {
  return agents.map(({ agent, usage }) => (agent === OTHERS ? { usage } : { name: agent, usage }))
}

function groupView(
  grouping: UsageGrouping | undefined,
  groups: DayGroups['groups'],
): Pick<UsageReport['days'][number], 'tenants' | 'values'> {
  if (grouping === undefined) return {}
  if (grouping.by === 'tenant') {
    return { tenants: groups.map(({ name, usage }) => ({ tenant: name ?? OTHERS, usage })) }
  }
  return { values: groups.map(({ name, usage }) => ({ ...given({ value: name }), usage })) }
}

function dayView(
  { day, models, agents, hours }: DayUsage,
  groupBy: string,
): UsageReport['days'][number] {
  const total = models.reduce((sum: Usage, { usage }) => addUsage(sum, usage), NO_USAGE)
  const view = { day, total, models: models.map((each) => ({ ...each })) }
  if (groupBy === 'hour') return { ...view, hours: hours.map((each) => ({ ...each })) }
  return groupBy === 'agent' ? { ...view, agents: agents.map((each) => ({ ...each })) } : view
}

/** Returns every day from the first to the last, both included. */
function daysOf(from: string | undefined, to: string | undefined, nowMs: number): string[] {
  const lastMs = instantOf('to', to) ?? nowMs - (nowMs % DAY_MS)
  const firstMs = instantOf('from', from) ?? lastMs - (DAYS_DEFAULT - 1) * DAY_MS
  const count = (lastMs - firstMs) / DAY_MS + 1
  if (count < 1 || count > DAYS_MAX) {
    throw wrongField(
      'query/from',
      `must be the day in to, or at most ${DAYS_MAX - 1} days before this day`,
    )
  }
  return Array.from({ length: count }, (_, index) =>
    new Date(firstMs + index * DAY_MS).toISOString().slice(0, 10),
  )
}

function instantOf(name: string, day: string | undefined): number | undefined {
  if (day === undefined) return undefined
  const atMs = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(atMs)) throw wrongField(`query/${name}`, 'must be a day such as 2026-01-31')
  return atMs
}
