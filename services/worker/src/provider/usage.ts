import type { Usage } from '@agentfleet/domain'
import { isRecord } from './shape.ts'

/**
 * What a call has used, read from what providers report: usage of OpenAI, of Groq (`x_groq`), of endpoints
 * that use Anthropic's names; as numbers or as text. Invariant: each count is a whole number from 0 to
 * TOKENS_MAX; a count that is missing or unusable is estimated from the characters, so that no call is free.
 */

/** More than any context holds; a larger report is a mistake, not a bill. */
const TOKENS_MAX = 100_000_000
/** What a token of English text comes to; only estimates use it. */
const CHARACTERS_PER_TOKEN = 4
/** No text has longer tokens on average: a report of fewer counts the last piece alone. */
const CHARACTERS_PER_TOKEN_MAX = 20
const INPUT_NAMES = [
  'prompt_tokens',
  'input_tokens',
  'promptTokens',
  'inputTokens',
  'promptTokenCount',
  'inputTokenCount',
]
const OUTPUT_NAMES = [
  'completion_tokens',
  'output_tokens',
  'completionTokens',
  'outputTokens',
  'candidatesTokenCount',
  'outputTokenCount',
]
const TOTAL_NAMES = ['total_tokens', 'totalTokens', 'totalTokenCount']

/** Token counts that a provider reported; undefined where it said nothing usable. */
export interface ReportedUsage {
  readonly input: number | undefined
  readonly output: number | undefined
  readonly cached: number | undefined
  readonly reasoning: number | undefined
}

/** The usage in a chunk, or undefined when the chunk reports none. */
export function readUsage(chunk: Readonly<Record<string, unknown>>): ReportedUsage | undefined {
  const { choices, x_groq: groq, message } = chunk
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  // Groq, Moonshot and Anthropic keep it one level down.
  const places = [chunk, groq, choice, message].filter(isRecord)
  const usage = places
    .flatMap((place) => [place['usage'], place['usageMetadata'], place['usage_metadata']])
    .find(isRecord)
  if (usage === undefined) return undefined
  const input = firstCount(usage, INPUT_NAMES)
  const output = firstCount(usage, OUTPUT_NAMES)
  const total = firstCount(usage, TOTAL_NAMES)
  // Reasoning that is not in the count of the answer is in the total, and on the bill.
  const rest =
    input !== undefined && total !== undefined && total > input + (output ?? 0)
      ? total - input
      : undefined
  const reported = {
    input,
    output: rest ?? output,
    cached:
      countOf(detail(usage, ['prompt_tokens_details', 'input_tokens_details'], 'cached_tokens')) ??
      firstCount(usage, ['prompt_cache_hit_tokens', 'cache_read_input_tokens', 'cached_tokens']),
    reasoning: countOf(
      detail(usage, ['completion_tokens_details', 'output_tokens_details'], 'reasoning_tokens'),
    ),
  }
  return reported.input === undefined && reported.output === undefined ? undefined : reported
}

/** Both reports of one answer: a later count counts, unless it says nothing. */
export function laterUsage(
  before: ReportedUsage | undefined,
  after: ReportedUsage | undefined,
): ReportedUsage | undefined {
  if (before === undefined || after === undefined) return after ?? before
  return {
    input: after.input || before.input,
    output: after.output || before.output,
    cached: after.cached ?? before.cached,
    reasoning: after.reasoning ?? before.reasoning,
  }
}

/** The usage of a call that was answered, with estimates where the provider's report does not help. */
export function usageOf(
  reported: ReportedUsage | undefined,
  characters: { readonly prompt: number; readonly answer: number },
): Usage {
  const { input, output, cached, reasoning } = reported ?? {}
  const inputTokens = input !== undefined && input > 0 ? input : estimate(characters.prompt)
  // A provider that reports 0 tokens for an answer with text, or 1 for a page, has not counted it.
  const counted = output !== undefined && output * CHARACTERS_PER_TOKEN_MAX >= characters.answer
  const outputTokens = counted ? output : estimate(characters.answer)
  return {
    inputTokens,
    outputTokens,
    llmCalls: 1,
    ...(cached ? { cachedTokens: Math.min(cached, inputTokens) } : {}),
    ...(reasoning ? { reasoningTokens: Math.min(reasoning, outputTokens) } : {}),
  }
}

function estimate(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}

function detail(
  usage: Readonly<Record<string, unknown>>,
  groups: readonly string[],
  name: string,
): unknown {
  for (const group of groups) {
    const details = usage[group]
    if (isRecord(details)) return details[name]
  }
  return undefined
}

function firstCount(
  usage: Readonly<Record<string, unknown>>,
  names: readonly string[],
): number | undefined {
  return names.map((name) => countOf(usage[name])).find((count) => count !== undefined)
}

function countOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !(number >= 0 && number <= TOKENS_MAX)) return undefined
  return Math.ceil(number)
}
