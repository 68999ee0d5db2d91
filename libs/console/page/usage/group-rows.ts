import type { UsageReport } from '@agentfleet/protocol'
import { NO_CALLS, unpricedOf, withUsage, type UsageOf } from '../format/usage.ts'

/** The usage of one agent, tenant or value over all days. */
export interface GroupRow {
  /** Differs between any two rows; a client may have named a value as the page names a row. */
  readonly key: string
  readonly name: string
  readonly usage: UsageOf
}

/** Returns the groups over all days, most expensive first, and last the calls that belong to no group. */
export function groupRows({
  days,
  total,
}: Pick<UsageReport, 'days' | 'total'>): readonly GroupRow[] {
  const sums = new Map<string | undefined, Sum>()
  for (const day of days) {
    for (const { agent, usage } of day.agents ?? []) add(sums, agent, usage)
    for (const { tenant, usage } of day.tenants ?? []) add(sums, tenant, usage)
    // What the gateway sums up as others has no name.
    for (const { value, usage } of day.values ?? []) add(sums, value, usage)
  }
  const rows = [...sums].map(([name, sum]) => {
    const usage = withUsage(NO_CALLS, sum)
    return name === undefined
      ? { key: 'others', name: '(others)', usage }
      : { key: `name ${name}`, name, usage }
  })
  rows.sort(
    ({ usage: a }, { usage: b }) =>
      (b.costUsd ?? 0) - (a.costUsd ?? 0) || tokensOf(b) - tokensOf(a),
  )
  const rest = rows.reduce<UsageOf>((sum, { usage }) => withUsage(sum, usage, -1), total)
  return rest.llmCalls > 0
    ? [...rows, { key: 'rest', name: 'not counted by group', usage: rest }]
    : rows
}

/** A usage that grows: a quarter of a year has many groups, so a sum is one object for all of its days. */
type Sum = { -readonly [Field in keyof UsageOf]-?: number }

function add(sums: Map<string | undefined, Sum>, name: string | undefined, usage: UsageOf): void {
  let sum = sums.get(name)
  if (sum === undefined) {
    sum = { inputTokens: 0, outputTokens: 0, llmCalls: 0, costUsd: 0, unpricedCalls: 0 }
    sums.set(name, sum)
  }
  sum.inputTokens += usage.inputTokens
  sum.outputTokens += usage.outputTokens
  sum.llmCalls += usage.llmCalls
  sum.costUsd += usage.costUsd ?? 0
  sum.unpricedCalls += unpricedOf(usage)
}

function tokensOf({ inputTokens, outputTokens }: UsageOf): number {
  return inputTokens + outputTokens
}
