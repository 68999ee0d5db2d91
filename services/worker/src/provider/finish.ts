import { isRecord, wordOf } from './shape.ts'

/**
 * Why an answer ended. Endpoints use OpenAI's words, those of the model's maker (Anthropic, Gemini,
 * Mistral) or their own, in any letter case.
 */
export type Finish = 'whole' | 'cut' | 'withheld' | 'broken' | 'unknown'

/** The known words, separated by blanks; the numbers are Gemini's. */
const WORDS: Readonly<Record<Exclude<Finish, 'unknown'>, string>> = {
  whole:
    'stop end eos eos_token end_turn stop_sequence complete completed done finished success ' +
    'tool_calls tool_call tool_use function_call stop_token end_of_turn finish_reason_stop 1',
  cut:
    'length max_tokens max_length max_new_tokens max_output_tokens max_completion_tokens ' +
    'model_length token_limit incomplete context_length context_length_exceeded ' +
    'model_context_window_exceeded finish_reason_max_tokens 2',
  withheld:
    'content_filter content_filtered safety image_safety recitation blocklist blocked spii ' +
    'language prohibited_content refusal sensitive guardrail_intervened moderation ' +
    'policy_violation 3 4',
  broken:
    'error failed failure abort aborted cancelled canceled timeout exception interrupted ' +
    'overloaded network_error server_error internal_error insufficient_system_resource ' +
    'malformed_function_call unexpected_tool_call',
}

const FINISH_OF = new Map<string, Finish>(
  Object.entries(WORDS).flatMap(([finish, words]) =>
    words.split(' ').map((word): [string, Finish] => [word, finish as Finish]),
  ),
)

/** Words that mean that there is no reason yet. */
const NO_REASON = /^(|null|none|undefined|in_progress|(finish_reason_)?unspecified|0)$/i

/** Returns the finish reason in a choice: a word, a number, or an object that holds one. */
export function finishOf(value: unknown): string | undefined {
  const inner = isRecord(value) ? (value['type'] ?? value['reason'] ?? value['value']) : value
  const word = wordOf(inner)
  if (word !== undefined && !NO_REASON.test(word.trim())) return word
  return isRecord(value) && Object.keys(value).length > 0 ? 'an object' : undefined
}

/** Classifies a finish reason; an unknown one never counts as a complete answer. */
export function classifyFinish(reason: string): Finish {
  const word = reason
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_')
  return FINISH_OF.get(word) ?? 'unknown'
}
