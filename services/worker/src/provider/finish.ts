/**
 * Why an answer ended, in one word of ours. Endpoints use OpenAI's words, those of the model's maker
 * (Anthropic, Gemini, Mistral) or words of their own; letter case varies.
 */
export type Finish = 'whole' | 'cut' | 'withheld' | 'broken' | 'unknown'

const WORDS: Readonly<Record<Exclude<Finish, 'unknown'>, readonly string[]>> = {
  whole: [
    ...['stop', 'end', 'eos', 'eos_token', 'end_turn', 'stop_sequence', 'complete', 'completed'],
    ...['done', 'finished', 'tool_calls', 'tool_call', 'function_call', 'tool_use', 'success'],
    ...['finish_reason_stop', 'stop_token', 'end_of_turn', 'eot', 'eos_found', 'null_stop'],
  ],
  cut: [
    ...['length', 'max_tokens', 'model_length', 'max_output_tokens', 'max_completion_tokens'],
    ...['token_limit', 'max_length', 'context_length', 'context_length_exceeded', 'incomplete'],
    ...['finish_reason_max_tokens', 'model_context_window_exceeded', 'max_new_tokens'],
  ],
  withheld: [
    ...['content_filter', 'content_filtered', 'safety', 'recitation', 'blocklist', 'spii'],
    ...['prohibited_content', 'image_safety', 'refusal', 'sensitive', 'guardrail_intervened'],
    ...['language', 'moderation', 'blocked', 'policy_violation', 'risk', 'censored'],
  ],
  broken: [
    ...['error', 'failed', 'failure', 'abort', 'aborted', 'cancelled', 'canceled', 'timeout'],
    ...[
      'network_error',
      'insufficient_system_resource',
      'malformed_function_call',
      'internal_error',
    ],
    ...['server_error', 'overloaded', 'interrupted', 'unexpected_tool_call', 'exception'],
  ],
}

const FINISH_OF = new Map<string, Finish>(
  Object.entries(WORDS).flatMap(([finish, words]) =>
    words.map((word): [string, Finish] => [word, finish as Finish]),
  ),
)

/** What a finish reason means; one that nobody knows is `unknown`, never taken for a whole answer. */
export function classifyFinish(reason: string): Finish {
  const word = reason
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_')
  return FINISH_OF.get(word) ?? 'unknown'
}
