import type { Failure, Usage } from '@agentfleet/domain'
import type OpenAI from 'openai'
import type { LlmAnswer, ToolCall } from '../run/conversation.ts'

/** What a streamed answer has said so far, and what it comes to. */
export interface Heard {
  text: string
  characters: number
  readonly toolCalls: { id: string; name: string; arguments: string }[]
  finish: string | undefined
  inputTokens: number
  outputTokens: number
}

/** A whole answer, or what is wrong with it. */
export type HeardAnswer =
  | { readonly kind: 'answered'; readonly answer: LlmAnswer; readonly usage: Usage }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Nothing was said yet. */
export function silence(): Heard {
  return {
    text: '',
    characters: 0,
    toolCalls: [],
    finish: undefined,
    inputTokens: 0,
    outputTokens: 0,
  }
}

/** A chunk, or a throw: what cannot be read, and what the provider says went wrong meanwhile. */
export function parseChunk(data: string): OpenAI.ChatCompletionChunk {
  const chunk = JSON.parse(data) as OpenAI.ChatCompletionChunk & { error?: { message?: string } }
  if (chunk.error) throw new Error(chunk.error.message ?? 'the provider gave up within its answer')
  return chunk
}

/** Takes one chunk in. */
export function hear(
  heard: Heard,
  chunk: OpenAI.ChatCompletionChunk,
  onText: (text: string) => void,
): void {
  if (chunk.usage) {
    heard.inputTokens = chunk.usage.prompt_tokens
    heard.outputTokens = chunk.usage.completion_tokens
  }
  const choice = chunk.choices?.[0]
  if (choice === undefined) return
  const { content, tool_calls: pieces } = choice.delta
  if (content) {
    heard.text += content
    heard.characters += content.length
    onText(content)
  }
  for (const piece of pieces ?? []) hearToolCall(heard, piece)
  if (choice.finish_reason) heard.finish = choice.finish_reason
}

function hearToolCall(heard: Heard, piece: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall): void {
  const { index, id, function: fn } = piece
  // Indices come one after the other; anything else is counted as the next one.
  const at = Math.min(index, heard.toolCalls.length)
  const known = (heard.toolCalls[at] ??= { id: '', name: '', arguments: '' })
  known.id ||= id ?? ''
  known.name += fn?.name ?? ''
  known.arguments += fn?.arguments ?? ''
  heard.characters += (fn?.name?.length ?? 0) + (fn?.arguments?.length ?? 0)
}

/** What was heard when the stream ended; without a finish reason it broke off. */
export function conclude(heard: Heard): HeardAnswer {
  const { text, finish } = heard
  if (finish === undefined) {
    const message = 'the answer broke off before its end'
    return { kind: 'failed', failure: { kind: 'connection', message } }
  }
  if (finish === 'content_filter') {
    const message = 'the provider withheld its answer'
    return { kind: 'failed', failure: { kind: 'withheld', message } }
  }
  const toolCalls = heard.toolCalls.map((call, index): ToolCall => ({
    ...call,
    // Some providers leave ids out; outputs are matched by them.
    id: call.id === '' ? `call-${index}` : call.id,
  }))
  const { inputTokens, outputTokens } = heard
  return {
    kind: 'answered',
    answer: { text, toolCalls },
    usage: { inputTokens, outputTokens, llmCalls: 1 },
  }
}
