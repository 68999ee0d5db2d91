import type { Usage } from '../task/spec.ts'

/** US dollars for a million tokens: of the prompt, of the answer. */
export interface ModelPrice {
  readonly inputUsdPerMillion: number
  readonly outputUsdPerMillion: number
  /** Of prompt tokens that the provider had in its cache; absent: they cost what others cost. */
  readonly cachedInputUsdPerMillion?: number
}

/** Costs are kept to a billionth of a dollar: less than one token of the cheapest model. */
const NANO = 1_000_000_000
const MILLION = 1_000_000

/** What tokens cost, or undefined when nobody said a price. */
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
  return roundUsd(micro / MILLION)
}

/** Drops what only floating point has added. */
export function roundUsd(usd: number): number {
  return Math.round(usd * NANO) / NANO
}

/** Dollars as a whole number of billionths, as counters hold them. */
export function nanoUsd(usd: number): number {
  return Math.round(usd * NANO)
}

/** Dollars of a counter. */
export function usdOfNano(nano: number): number {
  return nano / NANO
}

/** Whether a name fits a pattern, in which `*` stands for any text. */
export function matchesPattern(pattern: string, name: string): boolean {
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

/** The entry of a table of patterns: the exact name, else the longest pattern that fits. */
export function entryFor<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  if (Object.hasOwn(table, name)) return table[name]
  const fitting = Object.keys(table)
    .filter((pattern) => matchesPattern(pattern, name))
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
  return fitting[0] === undefined ? undefined : table[fitting[0]]
}
