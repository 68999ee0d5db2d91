import {
  addUsage,
  age,
  bytes,
  costText,
  count,
  duration,
  NO_USAGE,
  percent,
  plural,
  unpricedCallsOf,
  usd,
  usdLimit,
} from '@agentfleet/domain'
import type { QueueList, TaskSeries, TenantLimitsView, UsageReport } from '@agentfleet/protocol'
import { providerLimitsTables } from './fleet-views.ts'
import { msOf, time } from './formats.ts'
import { right, table, type Cell, type Column, type Look } from './table.ts'

type Point = TaskSeries['series'][number]['points'][number]

/** The counts of a point, with their headings. */
const COUNTS = [
  ['SUBMITTED', 'submitted'],
  ['STARTED', 'started'],
  ['COMPLETED', 'completed'],
  ['FAILED', 'failed'],
  ['CANCELLED', 'cancelled'],
  ['RETRIED', 'retried'],
  ['LOST', 'lost'],
] as const

/** What happened to tasks over time: one row a step, or with groups one row a group. */
export function statsTable(stats: TaskSeries, look: Look): string {
  const { series, groupBy } = stats
  if (groupBy !== undefined) return groupTable(groupBy, series, look)
  const columns = ['STEP', ...COUNTS.map(([name]) => right(name))]
  const quantiles = ['WAIT P50', 'P99', 'FIRST TOKEN P50', 'P99'].map((name) => right(name))
  const points = series.flatMap((one) => one.points)
  if (points.length === 0) return `Nothing happened from ${time(stats.from)} to ${time(stats.to)}.`
  const rows = points.map((point): Cell[] => [
    time(point.at),
    ...COUNTS.map(([, name]) => count(point[name])),
    duration(point.waitMs?.p50),
    duration(point.waitMs?.p99),
    duration(point.firstTokenMs?.p50),
    duration(point.firstTokenMs?.p99),
    count(point.inputTokens + point.outputTokens),
    costText(point),
  ])
  const shown = table([...columns, ...quantiles, right('TOKENS'), right('COST')], rows, look)
  return `${shown}${priceNote(points)}`
}

/** A sum of tokens, in `tokens` or in `inputTokens`, and its cost. */
interface Spent {
  readonly tokens?: number
  readonly inputTokens?: number
  readonly costUsd: number
}

/** Says why a cost is zero although models were called. */
function priceNote(parts: readonly Spent[]): string {
  const isFree = parts.every(({ costUsd }) => costUsd === 0)
  const isUsed = parts.some(({ inputTokens = 0, tokens = inputTokens }) => tokens > 0)
  return isFree && isUsed ? '\nThe cost includes only calls to models that have a price.' : ''
}

/** Sums over all steps: quantiles of several steps cannot be added. */
function groupTable(groupBy: string, series: TaskSeries['series'], look: Look): string {
  const sum = (points: readonly Point[], of: (point: Point) => number): number =>
    points.reduce((total, point) => total + of(point), 0)
  const rows = series.map(({ key, points }): Cell[] => {
    const completed = sum(points, (point) => point.completed)
    const failed = sum(points, (point) => point.failed)
    return [
      key ?? '—',
      ...COUNTS.map(([, name]) => count(sum(points, (point) => point[name]))),
      percent(completed / (completed + failed)),
      count(sum(points, (point) => point.inputTokens + point.outputTokens)),
      costText({
        llmCalls: sum(points, (point) => point.llmCalls),
        costUsd: sum(points, (point) => point.costUsd),
        unpricedCalls: sum(points, (point) => point.unpricedCalls),
      }),
    ]
  })
  const columns = [groupBy.toUpperCase(), ...COUNTS.map(([name]) => right(name))]
  const shown = table([...columns, right('SUCCESS'), right('TOKENS'), right('COST')], rows, look)
  return `${shown}${priceNote(series.flatMap(({ points }) => points))}`
}

/** Tasks that wait for a node, one queue a row. */
export function queueTable({ scope, queues }: QueueList, look: Look, nowMs: number): string {
  if (queues.length === 0) return 'All queues are empty.'
  const names = ['WAITING', 'OLDEST', 'IN FLIGHT', 'AT MOST', 'RETRYING', 'WEIGHT']
  const tenant = scope === 'fleet'
  return table(
    [...(tenant ? ['TENANT'] : []), 'PRIORITY', ...names.map((name) => right(name))],
    queues.map((queue) => [
      ...(tenant ? [queue.tenant] : []),
      queue.priority,
      count(queue.waiting),
      age(msOf(queue.oldestQueuedAt), nowMs),
      count(queue.inFlight),
      count(queue.concurrency),
      count(queue.retrying),
      count(queue.weight),
    ]),
    look,
  )
}

/** The caller's limits, how much it uses of each, and the limits of the providers. */
export function limitsTable(view: TenantLimitsView, look: Look): string {
  const { limits, holds, spent, budget, stores } = view
  const row = (
    name: string,
    held: number | undefined,
    limit: number | undefined,
    write = count,
    none = 'shared',
  ): Cell[] => [name, write(held), limit === undefined ? none : write(limit)]
  const spentText = ({ tokens, ...cost }: NonNullable<TenantLimitsView['spent']>['day']): string =>
    `${count(tokens)} tokens, ${costText(cost)}`
  const store = (name: string, fill: Store): Cell[] => [
    name,
    bytes(fill.bytes),
    // 0 stands for a store whose size is not known.
    fill.maxBytes === 0 ? '—' : bytes(fill.maxBytes),
  ]
  const rows: Cell[][] = [
    row('tasks that have not ended', holds?.tasks, limits.tasks),
    row('running tasks', holds?.concurrency, limits.concurrency, count, 'no limit'),
    row('bytes in the log', holds?.logBytes, limits.logBytes, bytes),
    row('agents', holds?.agents, limits.agents),
    row('schedules', holds?.schedules, limits.schedules),
    row('connections to one gateway', holds?.streams, limits.streams),
    row('held requests of one gateway', holds?.heldRequests, limits.heldRequests),
    ['ended tasks that are kept', count(holds?.ended), '—'],
    ...(spent === undefined
      ? []
      : [
          ['spent this hour (UTC)', spentText(spent.hour), '—'],
          ['spent today (UTC)', spentText(spent.day), '—'],
        ]),
    ...(stores === undefined
      ? []
      : [store('log of the fleet', stores.log), store('Redis of the fleet', stores.redis)]),
  ]
  const note =
    '"shared" means that the operator set no limit: you may hold half of what other tenants leave free.'
  const held = table(['LIMIT', right('YOU HOLD'), right('AT MOST')], rows, look)
  const parts = [`${held}\n${note}${priceNote(spent === undefined ? [] : [spent.day])}`]
  if (budget !== undefined) parts.push(budgetTable(budget, look))
  return [...parts, ...providerLimitsTables(view.providers ?? [], look)].join('\n\n')
}

const BUDGETS = [
  ['tokensPerHour', 'tokens of this hour', count, count],
  ['usdPerHour', 'cost of this hour', usd, usdLimit],
  ['tokensPerDay', 'tokens of today', count, count],
  ['usdPerDay', 'cost of today', usd, usdLimit],
] as const

/** How much of each limit of the budget is used, and how much the calls under way set aside. */
function budgetTable(budget: NonNullable<TenantLimitsView['budget']>, look: Look): string {
  const rows = BUDGETS.flatMap(([key, name, write, writeLimit]): Cell[][] => {
    const one = budget[key]
    if (one === undefined) return []
    const known = (amount: number | undefined): string =>
      amount === undefined ? '—' : write(amount)
    const { limit, used, setAside, resetsAt } = one
    return [[name, known(used), known(setAside), writeLimit(limit), time(resetsAt)]]
  })
  const amounts = ['USED', 'SET ASIDE', 'AT MOST'].map((name) => right(name))
  return table(['BUDGET', ...amounts, 'STARTS AGAIN'], rows, look)
}

type Store = NonNullable<TenantLimitsView['stores']>['log']

/** In a narrow terminal the names in the columns before these stay: a cost without its name says nothing. */
const USAGE_COLUMNS: readonly Column[] = [
  { ...right('LLM CALLS'), leaves: 3 },
  { ...right('TOKENS IN'), leaves: 2 },
  { ...right('TOKENS OUT'), leaves: 1 },
  right('COST'),
]

function usageCells(usage: UsageReport['total']): readonly Cell[] {
  return [
    count(usage.llmCalls),
    count(usage.inputTokens),
    count(usage.outputTokens),
    costText(usage),
  ]
}

/** What the rows of a table of usage stand for. */
export type UsageGroup = 'model' | 'agent' | 'hour' | 'tenant' | `metadata.${string}`

/** Usage and cost, with the sum in the last row, and why a cost is unknown. */
export function usageTable(report: UsageReport, look: Look, by: UsageGroup = 'model'): string {
  const shown = groupedUsage(report, look, by)
  if (unpricedCallsOf(report.total) === 0) return shown
  return `${shown}\nThe fleet knows no price of a called model. The operator sets the prices in LLM_PRICES or PROVIDERS.`
}

function groupedUsage(report: UsageReport, look: Look, by: UsageGroup): string {
  const { days } = report
  if (by === 'hour') return hourTable(report, look)
  if (by === 'agent') return sumTable('AGENT', earlier('agents'), report, look)
  if (by === 'tenant') return sumTable('TENANT', earlier('tenants'), report, look)
  if (by !== 'model') {
    const key = by.slice(by.indexOf('.') + 1)
    const without = (calls: string): string =>
      `${calls} of tasks without a counted value of ${key}, or from before the key was counted.`
    return sumTable(key, without, report, look)
  }
  const total = ['total', `${report.from} to ${report.to}`, ...usageCells(report.total)]
  const rows = days.flatMap(({ day, models }) =>
    models.map(({ provider, model, usage }) => [day, `${provider}/${model}`, ...usageCells(usage)]),
  )
  return table(['DAY (UTC)', 'MODEL', ...USAGE_COLUMNS], [...rows, total], look)
}

/** The note below a table of names that an earlier release did not count. */
function earlier(what: string): (calls: string) => string {
  return (calls) => `An earlier release counted ${calls} without their ${what}.`
}

/** The usage of each group over all days, the most expensive first, and how many calls have none. */
function sumTable(
  title: string,
  without: (calls: string) => string,
  report: UsageReport,
  look: Look,
): string {
  const { total, from, to, groups = [], groupCount = groups.length, others = NO_USAGE } = report
  const known = groups.reduce((sum, { usage }) => addUsage(sum, usage), others)
  const hidden = groupCount - groups.length
  // The sum of the other groups has no name, because a client may have used the word "others" as a name.
  const last = others.llmCalls === 0 ? [] : [['(others)', ...usageCells(others)]]
  const shown = table(
    [title, ...USAGE_COLUMNS],
    [
      ...groups.map(({ name, usage }) => [name, ...usageCells(usage)]),
      ...last,
      [`total, ${from} to ${to}`, ...usageCells(total)],
    ],
    look,
  )
  const rest = total.llmCalls - known.llmCalls
  const more = `${groups.length} of ${groupCount} are listed; (others) includes the rest. Add --limit to see more.`
  const notes = [hidden > 0 && more, rest > 0 && without(plural(rest, 'call'))]
  return [shown, ...notes].filter(Boolean).join('\n')
}

function hourTable(report: UsageReport, look: Look): string {
  const { days, total } = report
  const rows = days.flatMap(({ day, hours = [] }) =>
    hours.map(({ hour, tokens, ...cost }) => [
      `${day} ${String(hour).padStart(2, '0')}:00`,
      count(tokens),
      costText(cost),
    ]),
  )
  const sum = ['total', count(total.inputTokens + total.outputTokens), costText(total)]
  return table(['HOUR (UTC)', right('TOKENS'), right('COST')], [...rows, sum], look)
}
