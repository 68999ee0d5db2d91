import type { Usage } from '@agentfleet/domain'
import { firstIn, isRecord, parseJson, type JsonObject } from '../shape.ts'

/**
 * The usage of a call as the provider reports it: in OpenAI's form, in Groq's (`x_groq`), or with
 * Anthropic's names; as numbers or as text. Invariant: each count is a whole number from 0 to
 * TOKENS_MAX; a missing or unusable count is estimated from the characters, so that no call is
 * free.
 */

/** More than any context holds; a larger report is an error. */
const TOKENS_MAX = 100_000_000
/** Characters of English text for each token; used only for estimates. */
const CHARACTERS_PER_TOKEN = 4
/** No text has longer tokens on average; a lower report counts only the last piece. */
const CHARACTERS_PER_TOKEN_MAX = 20
const INPUT_NAMES = (
  'prompt_tokens input_tokens promptTokens inputTokens promptTokenCount inputTokenCount ' +
  'prompt_eval_count prompt_n'
).split(' ')
const OUTPUT_NAMES = (
  'completion_tokens output_tokens completionTokens outputTokens candidatesTokenCount ' +
  'outputTokenCount eval_count predicted_n'
).split(' ')
const TOTAL_NAMES = ['total_tokens', 'totalTokens', 'totalTokenCount']

/** The token counts that a provider reported; undefined where they are unusable. */
export interface ReportedUsage {
  readonly input: number | undefined
  readonly output: number | undefined
  readonly cached: number | undefined
  readonly reasoning: number | undefined
  /** The reports that came with text, and the sum of their output counts. */
  readonly pieces?: { readonly count: number; readonly output: number }
}

/** Returns the usage in a chunk; undefined if the chunk reports none. */
export function readUsage(chunk: JsonObject): ReportedUsage | undefined {
  const { choices, x_groq: groq, message } = chunk
  // Groq, Moonshot and Anthropic nest it one level deeper, gateways two. Every chunk passes here, so
  // no lists are made.
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  const usage =
    usageIn(chunk) ??
    usageIn(groq) ??
    usageIn(choice) ??
    (isRecord(choice) ? (usageIn(choice['delta']) ?? usageIn(choice['message'])) : undefined) ??
    usageIn(message)
  if (usage === undefined) return undefined
  const given = firstCount(usage, INPUT_NAMES)
  const output = firstCount(usage, OUTPUT_NAMES)
  const total = firstCount(usage, TOTAL_NAMES)
  const input = given === undefined ? undefined : given + apartOf(usage, given, output, total)
  const reasoning =
    detail(usage, ['completion_tokens_details', 'output_tokens_details'], 'reasoning_tokens') ??
    firstCount(usage, ['reasoning_tokens', 'thoughtsTokenCount'])
  // Reasoning that the output count omits is part of the total and of the bill.
  const rest =
    input !== undefined && total !== undefined && total > input + (output ?? 0)
      ? total - input
      : undefined
  const omitted = output !== undefined && total === undefined && (reasoning ?? 0) > output
  const reported = {
    input,
    output: rest ?? (omitted ? output + (reasoning ?? 0) : output),
    cached:
      detail(usage, ['prompt_tokens_details', 'input_tokens_details'], 'cached_tokens') ??
      firstCount(usage, ['prompt_cache_hit_tokens', 'cached_tokens', ...CACHE_READ_NAMES]),
    reasoning,
  }
  return reported.input === undefined && reported.output === undefined ? undefined : reported
}

/** Anthropic's names of the cached parts of a prompt. */
const CACHE_READ_NAMES = ['cache_read_input_tokens', 'cacheReadInputTokens']
const CACHE_WRITE_NAMES = ['cache_creation_input_tokens', 'cacheWriteInputTokens']

/**
 * Returns the cached tokens of the prompt that its count omits: Anthropic counts them apart, and
 * gateways add them or do not. The total decides; without a total, Anthropic's own names.
 */
function apartOf(usage: JsonObject, input: number, output = 0, total: number | undefined): number {
  const read = firstCount(usage, CACHE_READ_NAMES) ?? 0
  const cached = read + (firstCount(usage, CACHE_WRITE_NAMES) ?? 0)
  if (cached === 0) return 0
  const named = usage['prompt_tokens'] === undefined && total === undefined
  return named || read > input || total === input + output + cached ? cached : 0
}

function usageIn(place: unknown): JsonObject | undefined {
  if (!isRecord(place)) return undefined
  const { usage, usageMetadata, usage_metadata: snake, timings } = place
  if (isRecord(usage)) {
    const inner = usage['usage'] ?? usage['billed_units']
    return isRecord(inner) ? inner : usage
  }
  if (Array.isArray(usage)) return usage.find(isRecord)
  if (typeof usage === 'string') return usageIn({ usage: parseJson(usage) })
  if (isRecord(usageMetadata)) return usageMetadata
  if (isRecord(snake)) return snake
  // llama.cpp reports its timings even if no usage was requested.
  return isRecord(timings) ? timings : undefined
}

/**
 * Combines two reports of one answer: the later count wins if it is usable. `withText`: it came with a
 * piece of the text.
 */
export function laterUsage(
  before: ReportedUsage | undefined,
  after: ReportedUsage | undefined,
  withText: boolean,
): ReportedUsage | undefined {
  if (after === undefined) return before
  const { count = 0, output = 0 } = before?.pieces ?? {}
  const counts = withText && after.output !== undefined
  return {
    input: after.input || before?.input,
    output: after.output || before?.output,
    cached: after.cached ?? before?.cached,
    reasoning: after.reasoning ?? before?.reasoning,
    pieces: counts ? { count: count + 1, output: output + (after.output ?? 0) } : { count, output },
  }
}

/** Returns the usage of an answered call, with estimates where the report is unusable. */
export function usageOf(
  reported: ReportedUsage | undefined,
  characters: { readonly prompt: number; readonly answer: number },
): Usage {
  const { input, output: last, cached, reasoning, pieces } = reported ?? {}
  // Each piece has a token or more, so a lower count is that of one piece.
  const alone = last !== undefined && pieces !== undefined && last < pieces.count
  const output = alone ? pieces.output : last
  const inputTokens = input !== undefined && input > 0 ? input : estimate(characters.prompt)
  // A report of 0 tokens for text, or of 1 token for a page, is not a count.
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

function detail(usage: JsonObject, groups: readonly string[], name: string): number | undefined {
  const details = firstIn(usage, groups, (group) => (isRecord(group) ? group : undefined))
  return countOf(details?.[name])
}

function firstCount(usage: JsonObject, names: readonly string[]): number | undefined {
  return firstIn(usage, names, countOf)
}

function countOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? numberIn(value) : value
  if (typeof number !== 'number' || !(number >= 0 && number <= TOKENS_MAX)) return undefined
  return Math.ceil(number)
}

/** Reads a number; people's separators of thousands do not count. */
function numberIn(text: string): number {
  return Number(/^\s*\d{1,3}(,\d{3})+\s*$/.test(text) ? text.replaceAll(',', '') : text)
}
