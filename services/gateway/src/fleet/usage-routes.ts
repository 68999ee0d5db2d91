import type { DayUsage, UsageTotals } from '@agentfleet/adapters'
import { addUsage, NO_USAGE, type Usage } from '@agentfleet/domain'
import type { UsageReport } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'

interface UsageRouteDeps {
  readonly usage: Pick<UsageTotals, 'read'>
  readonly operators: ReadonlySet<string>
  readonly nowMs: () => number
}

interface Query {
  readonly from?: string
  readonly to?: string
  readonly scope: 'tenant' | 'fleet'
  readonly groupBy: 'model' | 'hour' | 'agent'
}

const DAY_MS = 86_400_000
/** A quarter of a year bounds one request. */
const DAYS_MAX = 92
const DAYS_DEFAULT = 30

/** Creates the handler of `/v1/usage` by operationId. */
export function usageRoutes({ usage, operators, nowMs }: UsageRouteDeps) {
  return {
    async getUsage(request: FastifyRequest): Promise<UsageReport> {
      const { from, to, scope, groupBy } = request.query as Query
      if (scope === 'fleet' && !operators.has(request.tenant)) {
        throw new Refusal(
          'operators-only',
          'Only operators may read the usage of the whole fleet. Omit scope to read your own usage.',
        )
      }
      const days = daysOf(from, to, nowMs())
      const found = await usage.read(scope === 'fleet' ? undefined : request.tenant, days)
      const views = found.map((day) => dayView(day, groupBy))
      return {
        scope,
        ...(scope === 'fleet' ? {} : { tenant: request.tenant }),
        from: days[0] ?? '',
        to: days.at(-1) ?? '',
        days: views,
        total: views.reduce((sum, { total }) => addUsage(sum, total), NO_USAGE),
      }
    },
  }
}

function dayView(
  { day, models, agents, hours }: DayUsage,
  groupBy: Query['groupBy'],
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
    throw wrong('from', `must be the day in to, or at most ${DAYS_MAX - 1} days before this day`)
  }
  return Array.from({ length: count }, (_, index) =>
    new Date(firstMs + index * DAY_MS).toISOString().slice(0, 10),
  )
}

function instantOf(name: string, day: string | undefined): number | undefined {
  if (day === undefined) return undefined
  const atMs = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(atMs)) throw wrong(name, 'must be a day such as 2026-01-31')
  return atMs
}

function wrong(name: string, detail: string): Refusal {
  const pointer = `query/${name}`
  return new Refusal('invalid-request', `Correct the request: ${pointer} ${detail}.`, [
    { pointer, detail },
  ])
}
