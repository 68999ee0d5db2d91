/** US dollars for a million tokens: of the prompt, of the answer. */
export interface ModelPrice {
  readonly inputUsdPerMillion: number
  readonly outputUsdPerMillion: number
  /** Of prompt tokens that the provider had in its cache; absent: the usual price of the prompt. */
  readonly cachedInputUsdPerMillion?: number
}

/** Costs are kept to a billionth of a dollar: less than one token of the cheapest model. */
const NANO = 1_000_000_000
const MILLION = 1_000_000

/** The price of tokens, or undefined when the model has none. */
export function costUsd(
  price: ModelPrice | undefined,
  tokens: Pick<Usage, 'inputTokens' | 'outputTokens' | 'cachedTokens'>,
): number | undefined {
  if (price === undefined) return undefined
  const { inputTokens, outputTokens, cachedTokens = 0 } = tokens
  const { inputUsdPerMillion, outputUsdPerMillion } = price
  const cachedUsdPerMillion = price.cachedInputUsdPerMillion ?? inputUsdPerMillion
  const micro =
    (inputTokens - cachedTokens) * inputUsdPerMillion +
    cachedTokens * cachedUsdPerMillion +
    outputTokens * outputUsdPerMillion
  return usdRounded(micro / MILLION)
}

/** Removes the rounding error of floating-point numbers. */
export function usdRounded(usd: number): number {
  return Math.round(usd * NANO) / NANO
}

/** Dollars as a whole number of billionths, as counters hold them. */
export function nanoUsd(usd: number): number {
  return Math.round(usd * NANO)
}

/** Dollars from a counter. */
export function usdOfNano(nano: number): number {
  return nano / NANO
}

/** Tokens that a call, or all calls of a task, used. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly llmCalls: number
  /** Of the input tokens: those that the provider had in its cache. */
  readonly cachedTokens?: number
  /** Of the output tokens: those of reasoning that is not part of the answer. */
  readonly reasoningTokens?: number
  /** By the price table of the providers that were called; absent if no call has a price. */
  readonly costUsd?: number
  /**
   * The calls that `costUsd` does not include because their model has no price; absent if it includes all, or
   * is absent.
   */
  readonly unpricedCalls?: number
}

/** No usage yet. */
export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }

/** Returns how many calls of a usage have no price. */
export function unpricedCallsOf({ llmCalls, costUsd, unpricedCalls = 0 }: Usage): number {
  return costUsd === undefined ? llmCalls : unpricedCalls
}

/** Adds two usages. */
export function addUsage(a: Usage, b: Usage): Usage {
  const priced = a.costUsd !== undefined || b.costUsd !== undefined
  const cachedTokens = (a.cachedTokens ?? 0) + (b.cachedTokens ?? 0)
  const reasoningTokens = (a.reasoningTokens ?? 0) + (b.reasoningTokens ?? 0)
  const unpricedCalls = priced ? unpricedCallsOf(a) + unpricedCallsOf(b) : 0
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    llmCalls: a.llmCalls + b.llmCalls,
    ...(cachedTokens > 0 ? { cachedTokens } : {}),
    ...(reasoningTokens > 0 ? { reasoningTokens } : {}),
    ...(priced ? { costUsd: usdRounded((a.costUsd ?? 0) + (b.costUsd ?? 0)) } : {}),
    ...(unpricedCalls > 0 ? { unpricedCalls } : {}),
  }
}

/** Returns the tokens and the cost of the calls of `all` that are not in `before`. */
export function lessUsage(all: Usage, before: Usage): Usage {
  const inputTokens = less(all.inputTokens, before.inputTokens)
  const outputTokens = less(all.outputTokens, before.outputTokens)
  const llmCalls = less(all.llmCalls, before.llmCalls)
  const unpricedCalls = less(unpricedCallsOf(all), unpricedCallsOf(before))
  if (all.costUsd === undefined || (llmCalls > 0 && unpricedCalls >= llmCalls)) {
    return { inputTokens, outputTokens, llmCalls }
  }
  const costUsd = usdRounded(less(all.costUsd, before.costUsd ?? 0))
  return unpricedCalls === 0
    ? { inputTokens, outputTokens, llmCalls, costUsd }
    : { inputTokens, outputTokens, llmCalls, costUsd, unpricedCalls }
}

function less(a: number, b: number): number {
  return Math.max(0, a - b)
}

/** Whether a name matches a pattern, in which `*` stands for any text. */
export function matchesPattern(pattern: string, name: string): boolean {
  if (pattern === '*' || pattern === name) return true
  const [first = '', ...rest] = pattern.split('*')
  if (!name.startsWith(first)) return false
  if (rest.length === 0) return name === first
  const last = rest.pop() ?? ''
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

/** The entry of a table of patterns: the exact name, else the longest matching pattern. */
export function entryFor<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  if (Object.hasOwn(table, name)) return table[name]
  const fitting = Object.keys(table)
    .filter((pattern) => matchesPattern(pattern, name))
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
  return fitting[0] === undefined ? undefined : table[fitting[0]]
}
