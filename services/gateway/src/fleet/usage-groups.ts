import { NO_USAGE, usdRounded, unpricedCallsOf, type Usage } from '@agentfleet/domain'
import type { UsageReport } from '@agentfleet/protocol'

/** The usage of a group on one day; without a name it is the sum of further groups of the day. */
export interface GroupOfDay {
  readonly name?: string
  readonly usage: Usage
}

/** A sum that grows: a quarter of a year has 92,000 entries, so it is not a new object for each of them. */
type Sum = ReturnType<typeof none>

/** Returns the groups that cost most over all days, and the sum of the others. */
export function topGroups(
  days: readonly (readonly GroupOfDay[])[],
  top: number,
): Required<Pick<UsageReport, 'groups' | 'groupCount' | 'others'>> {
  const sums = new Map<string, Sum>()
  const others = none()
  for (const day of days) {
    for (const { name, usage } of day) {
      if (name === undefined) {
        add(others, usage)
        continue
      }
      let sum = sums.get(name)
      if (sum === undefined) sums.set(name, (sum = none()))
      add(sum, usage)
    }
  }
  const sorted = [...sums].sort(
    ([, a], [, b]) => b.costUsd - a.costUsd || tokensOf(b) - tokensOf(a),
  )
  for (const [, sum] of sorted.slice(top)) merge(others, sum)
  return {
    groups: sorted.slice(0, top).map(([name, sum]) => ({ name, usage: usageOf(sum) })),
    groupCount: sums.size,
    others: usageOf(others),
  }
}

function none() {
  return { inputTokens: 0, outputTokens: 0, llmCalls: 0, costUsd: 0, unpricedCalls: 0 }
}

function add(sum: Sum, usage: Usage): void {
  sum.inputTokens += usage.inputTokens
  sum.outputTokens += usage.outputTokens
  sum.llmCalls += usage.llmCalls
  sum.costUsd += usage.costUsd ?? 0
  sum.unpricedCalls += unpricedCallsOf(usage)
}

function merge(sum: Sum, other: Sum): void {
  for (const field of Object.keys(sum) as (keyof Sum)[]) sum[field] += other[field]
}

function tokensOf({ inputTokens, outputTokens }: Sum): number {
  return inputTokens + outputTokens
}

/** Without a call that has a price the cost is not known. */
function usageOf({ costUsd, unpricedCalls, ...counts }: Sum): Usage {
  if (counts.llmCalls === 0) return NO_USAGE
  if (unpricedCalls >= counts.llmCalls) return counts
  const priced = { ...counts, costUsd: usdRounded(costUsd) }
  return unpricedCalls === 0 ? priced : { ...priced, unpricedCalls }
}
