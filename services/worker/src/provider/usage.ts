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

/** Token counts that a provider reported; undefined where it said nothing usable. */
export interface ReportedUsage {
  readonly input: number | undefined
  readonly output: number | undefined
  readonly cached: number | undefined
  readonly reasoning: number | undefined
}

/** The usage in a chunk, or undefined when the chunk reports none. */
export function readUsage(chunk: Readonly<Record<string, unknown>>): ReportedUsage | undefined {
  const nested = isRecord(chunk['x_groq']) ? chunk['x_groq']['usage'] : undefined
  const usage = isRecord(chunk['usage']) ? chunk['usage'] : nested
  if (!isRecord(usage)) return undefined
  const input = countOf(usage['prompt_tokens'] ?? usage['input_tokens'])
  const total = countOf(usage['total_tokens'])
  const rest =
    input !== undefined && total !== undefined && total > input ? total - input : undefined
  const reported = {
    input,
    output: countOf(usage['completion_tokens'] ?? usage['output_tokens']) ?? rest,
    cached: countOf(
      detail(usage, ['prompt_tokens_details', 'input_tokens_details'], 'cached_tokens'),
    ),
    reasoning: countOf(
      detail(usage, ['completion_tokens_details', 'output_tokens_details'], 'reasoning_tokens'),
    ),
  }
  return reported.input === undefined && reported.output === undefined ? undefined : reported
}

/** The usage of a call that was answered, with estimates where the provider's report does not help. */
export function usageOf(
  reported: ReportedUsage | undefined,
  characters: { readonly prompt: number; readonly answer: number },
): Usage {
  const { input, output, cached, reasoning } = reported ?? {}
  const inputTokens = input !== undefined && input > 0 ? input : estimate(characters.prompt)
  // A provider that reports 0 tokens for an answer with text has not counted it.
  const counted = output !== undefined && (output > 0 || characters.answer === 0)
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

function countOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !(number >= 0 && number <= TOKENS_MAX)) return undefined
  return Math.ceil(number)
}
