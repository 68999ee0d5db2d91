import type { Failure, Usage } from '@agentfleet/domain'
import OpenAI from 'openai'
import type { LlmAnswer, Message, ToolCall } from './conversation.ts'
import { bodyOf, createHttpFetch } from './http-fetch.ts'
import { readEvents } from './sse.ts'
import type { ToolOffer } from './tools.ts'

/**
 * Streamed calls to an OpenAI-compatible provider; the only module that knows the SDK.
 *
 * Limits of time are kept by one sweep for all calls, not by timers of each.
 * Invariants: a call ends at its limits or when it is cancelled; an answer without a finish reason
 * is a broken one, never a short one; nothing is repeated in here, retries are the log's business.
 */

/** One call. */
export interface LlmRequest {
  readonly taskId: string
  readonly step: number
  readonly model: string
  readonly messages: readonly Message[]
  readonly tools: readonly ToolOffer[]
  readonly outputTokensMax: number | undefined
  /** Not a moment longer than this epoch instant. */
  readonly deadlineAtMs: number
  onText(text: string): void
  /** Receives the function that ends the call early. */
  onStart(cancel: () => void): void
}

/** How a call ended. */
export type LlmOutcome =
  | { readonly kind: 'answered'; readonly answer: LlmAnswer; readonly usage: Usage }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'cancelled' }

/** A provider of LLM calls. */
export interface Llm {
  call(request: LlmRequest): Promise<LlmOutcome>
  /** Ends the calls that are past their limits; called a few times a second. */
  sweep(nowMs: number): void
  /** Calls under way, and since the start: pieces of answers heard, calls ended and turned away. */
  progress(): Progress
  /** Ends every connection. */
  close(): void
}

/** What the calls of a node have come to. */
export interface Progress {
  readonly calling: number
  readonly heard: number
  readonly ended: number
  /** Ended by a 429: the provider's limit, not the node's. */
  readonly throttled: number
}

/** What calling a provider needs. */
export interface LlmOptions {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  readonly silenceMs: number
  readonly callMs: number
  readonly outputBytesMax: number
  readonly nowMs: () => number
}

const TOO_MANY_REQUESTS = 429
const OPENAI_URL = 'https://api.openai.com/v1'
/** Messages of failures end up in the log: long enough to help, short enough to keep. */
const MESSAGE_MAX = 300
const NO_PROVIDER: LlmOutcome = {
  kind: 'failed',
  failure: {
    kind: 'no-provider',
    message: 'this node has neither OPENAI_API_KEY nor OPENAI_BASE_URL',
  },
}

/** A call under way. */
interface Call {
  readonly controller: AbortController
  readonly endAtMs: number
  readonly deadlineAtMs: number
  heardAtMs: number
  ended: Failure | 'cancelled' | undefined
}

/** What a stream has said so far. */
interface Heard {
  text: string
  characters: number
  readonly toolCalls: { id: string; name: string; arguments: string }[]
  finish: string | undefined
  inputTokens: number
  outputTokens: number
}

/** Calls to the configured provider; without one every call is refused. */
export function createLlm(options: LlmOptions): Llm {
  const { apiKey, baseUrl, nowMs } = options
  const calls = new Set<Call>()
  let heardPieces = 0
  let ended = 0
  let throttled = 0
  const count = (outcome: LlmOutcome): LlmOutcome => {
    if (outcome.kind !== 'cancelled') ended += 1
    if (outcome.kind === 'failed' && outcome.failure.kind === 'status') {
      throttled += Number(outcome.failure.status === TOO_MANY_REQUESTS)
    }
    return outcome
  }
  const onHeard = (): void => {
    heardPieces += 1
  }
  if (apiKey === undefined && baseUrl === undefined) {
    return {
      call: async () => NO_PROVIDER,
      sweep: () => undefined,
      progress: () => ({ calling: 0, heard: 0, ended: 0, throttled: 0 }),
      close: () => undefined,
    }
  }
  const http = createHttpFetch()
  const client = new OpenAI({
    fetch: http.fetch,
    // Everything the SDK would read from the environment by itself is said here.
    apiKey: apiKey ?? 'none',
    baseURL: baseUrl ?? OPENAI_URL,
    organization: null,
    project: null,
    logLevel: 'off',
    maxRetries: 0,
    timeout: options.callMs,
  })

  return {
    async call(request) {
      const now = nowMs()
      const call: Call = {
        controller: new AbortController(),
        endAtMs: now + options.callMs,
        deadlineAtMs: request.deadlineAtMs,
        heardAtMs: now,
        ended: undefined,
      }
      calls.add(call)
      request.onStart(() => endCall(call, 'cancelled'))
      try {
        return count(await stream(client, request, call, { ...options, onHeard }))
      } catch (error) {
        return count(endedOutcome(call) ?? { kind: 'failed', failure: failureOf(error) })
      } finally {
        calls.delete(call)
      }
    },
    progress: () => ({ calling: calls.size, heard: heardPieces, ended, throttled }),
    sweep(now) {
      for (const call of calls) {
        const overdue = overdueOf(call, now, options.silenceMs)
        if (overdue !== undefined) endCall(call, overdue)
      }
    },
    close: http.close,
  }
}

async function stream(
  client: OpenAI,
  request: LlmRequest,
  call: Call,
  { nowMs, outputBytesMax, onHeard }: LlmOptions & { readonly onHeard: () => void },
): Promise<LlmOutcome> {
  const response = await client.chat.completions
    .create(
      {
        model: request.model,
        messages: request.messages as OpenAI.ChatCompletionMessageParam[],
        tools: request.tools as OpenAI.ChatCompletionTool[],
        stream: true,
        stream_options: { include_usage: true },
        ...(request.outputTokensMax === undefined
          ? {}
          : { max_completion_tokens: request.outputTokensMax }),
      },
      {
        signal: call.controller.signal,
        headers: { 'x-task-id': request.taskId, 'x-step': String(request.step) },
      },
    )
    .asResponse()
  const heard: Heard = {
    text: '',
    characters: 0,
    toolCalls: [],
    finish: undefined,
    inputTokens: 0,
    outputTokens: 0,
  }
  await readEvents(bodyOf(response), (data) => {
    call.heardAtMs = nowMs()
    onHeard()
    if (call.ended !== undefined || data === '[DONE]') return
    hear(heard, parseChunk(data), request)
    if (heard.characters <= outputBytesMax) return
    const message = `the answer is larger than ${outputBytesMax} bytes`
    endCall(call, { kind: 'output-too-large', message })
  })
  return endedOutcome(call) ?? conclude(heard)
}

/** A chunk, or a throw: what cannot be read, and what the provider says went wrong meanwhile. */
function parseChunk(data: string): OpenAI.ChatCompletionChunk {
  const chunk = JSON.parse(data) as OpenAI.ChatCompletionChunk & { error?: { message?: string } }
  if (chunk.error) throw new Error(chunk.error.message ?? 'the provider gave up within its answer')
  return chunk
}

function hear(heard: Heard, chunk: OpenAI.ChatCompletionChunk, request: LlmRequest): void {
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
    request.onText(content)
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

function conclude(heard: Heard): LlmOutcome {
  const { text, finish } = heard
  if (finish === undefined) {
    return failed({ kind: 'connection', message: 'the answer broke off before its end' })
  }
  if (finish === 'content_filter') {
    return failed({ kind: 'withheld', message: 'the provider withheld its answer' })
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

function overdueOf(call: Call, nowMs: number, silenceMs: number): Failure | undefined {
  if (nowMs >= call.deadlineAtMs) return { kind: 'deadline', message: 'the task is out of time' }
  if (nowMs >= call.endAtMs) return { kind: 'timeout', message: 'the LLM call took too long' }
  if (nowMs - call.heardAtMs < silenceMs) return undefined
  return { kind: 'timeout', message: `the provider was silent for ${silenceMs} ms` }
}

function endCall(call: Call, ended: Failure | 'cancelled'): void {
  call.ended ??= ended
  call.controller.abort()
}

function endedOutcome({ ended }: Call): LlmOutcome | undefined {
  if (ended === undefined) return undefined
  return ended === 'cancelled' ? { kind: 'cancelled' } : failed(ended)
}

function failed(failure: Failure): LlmOutcome {
  return { kind: 'failed', failure }
}

/** The SDK's errors in the words of the domain. */
function failureOf(error: unknown): Failure {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_MAX)
  if (error instanceof OpenAI.APIConnectionTimeoutError) return { kind: 'timeout', message }
  if (error instanceof OpenAI.APIConnectionError) return { kind: 'connection', message }
  if (error instanceof OpenAI.APIError) {
    return error.status === undefined
      ? { kind: 'connection', message }
      : { kind: 'status', status: error.status as number, message }
  }
  if (error instanceof SyntaxError) return { kind: 'malformed', message: 'unreadable answer' }
  // What reading the body throws: the connection is gone.
  return { kind: 'connection', message }
}
