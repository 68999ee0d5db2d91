import type { UsageReport } from '@agentfleet/protocol'
import { NO_CALLS, withUsage, type UsageOf } from '../format/usage.ts'

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
  const sums = new Map<string | undefined, UsageOf>()
  for (const { name, usage } of days.flatMap(namedOf)) {
    sums.set(name, withUsage(sums.get(name) ?? NO_CALLS, usage))
  }
  const rows = [...sums].map(([name, usage]) =>
    name === undefined
      ? { key: 'others', name: '(others)', usage }
      : { key: `name ${name}`, name, usage },
  )
  rows.sort(
    ({ usage: a }, { usage: b }) =>
      (b.costUsd ?? 0) - (a.costUsd ?? 0) || tokensOf(b) - tokensOf(a),
  )
  const rest = rows.reduce<UsageOf>((sum, { usage }) => withUsage(sum, usage, -1), total)
  return rest.llmCalls > 0
    ? [...rows, { key: 'rest', name: 'not counted by group', usage: rest }]
    : rows
}

/** The groups of a day; what the gateway sums up as others has no name. */
function namedOf({
  agents,
  tenants,
  values,
}: UsageReport['days'][number]): readonly { readonly name?: string; readonly usage: UsageOf }[] {
  return [
    ...(agents ?? []).map(({ agent, usage }) => ({ name: agent, usage })),
    ...(tenants ?? []).map(({ tenant, usage }) => ({ name: tenant, usage })),
    ...(values ?? []).map(({ value, usage }) =>
      value === undefined ? { usage } : { name: value, usage },
    ),
  ]
}

function tokensOf({ inputTokens, outputTokens }: UsageOf): number {
  return inputTokens + outputTokens
}
