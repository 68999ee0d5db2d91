/** The tokens of some calls, and what the calls cost as far as their models have a price. */
export interface UsageOf {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly llmCalls: number
  readonly costUsd?: number
  /** The calls that the cost does not include. */
  readonly unpricedCalls?: number
}

/** No call. */
export const NO_CALLS: UsageOf = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }

/** Adds a usage to another one, or takes it away from a sum that includes it. */
export function withUsage(a: UsageOf, b: UsageOf, times: 1 | -1 = 1): UsageOf {
  const llmCalls = a.llmCalls + times * b.llmCalls
  const unpricedCalls = Math.max(0, unpricedOf(a) + times * unpricedOf(b))
  const costUsd = Math.max(0, (a.costUsd ?? 0) + times * (b.costUsd ?? 0))
  const hasPrice = unpricedCalls < llmCalls || (llmCalls === 0 && a.costUsd !== undefined)
  return {
    inputTokens: a.inputTokens + times * b.inputTokens,
    outputTokens: a.outputTokens + times * b.outputTokens,
    llmCalls,
    ...(hasPrice ? { costUsd } : {}),
    ...(hasPrice && unpricedCalls > 0 ? { unpricedCalls } : {}),
  }
}

/** Returns how many calls went to a model without a price; their cost is unknown, not zero. */
export function unpricedOf({ llmCalls, costUsd, unpricedCalls = 0 }: UsageOf): number {
  return costUsd === undefined ? llmCalls : unpricedCalls
}
