import type { Failure } from '@agentfleet/domain'
import OpenAI from 'openai'
import { bodyOf } from './http-fetch.ts'
import { conclude, hear, parseChunk, silence, type HeardAnswer } from './stream.ts'
import type { LlmRequest } from './llm.ts'
import { rateHintsOf, type RateHints } from './provider-headers.ts'
import type { Provider } from './provider.ts'
import { responseFormatOf } from './response-format.ts'
import { readEvents } from './sse.ts'

/** One try at a call: one request to one provider. */
export interface ProviderCall {
  readonly request: LlmRequest
  /** As the provider names the model. */
  readonly model: string
  readonly outputTokensMax: number | undefined
  readonly signal: AbortSignal
  /** The provider has answered the request; its answer follows. */
  onHeaders(hints: RateHints): void
  /** A piece of the answer has come. */
  onPiece(): void
  /** The first piece that the answer is made of is being handed on: there is no way back. */
  onBegun(): void
  /** The answer has grown to so many characters. */
  onSize(characters: number): void
  /** Whether the try was ended: what still comes is not handed on. */
  ended(): boolean
}

/** Calls one provider; the only module that knows the SDK. */
export interface ProviderClient {
  /** Never throws; what comes after an abort is for the caller to name. */
  call(call: ProviderCall): Promise<HeardAnswer>
}

/** Messages of failures end up in the log: long enough to help, short enough to keep. */
const MESSAGE_MAX = 300
/** OpenAI's word for a key without money: no wait mends it. */
const NO_QUOTA = 'insufficient_quota'
const PAYMENT_REQUIRED = 402

/** A client of this provider over these connections. */
export function createProviderClient(
  provider: Provider,
  options: { readonly fetch: typeof fetch; readonly callMs: number; readonly nowMs: () => number },
): ProviderClient {
  const client = new OpenAI({
    fetch: options.fetch,
    // Everything the SDK would read from the environment by itself is said here.
    apiKey: provider.key ?? 'none',
    baseURL: provider.baseUrl,
    organization: null,
    project: null,
    logLevel: 'off',
    maxRetries: 0,
    timeout: options.callMs,
  })
  return {
    async call(call) {
      try {
        return await stream(client, call, options.nowMs)
      } catch (error) {
        return { kind: 'failed', failure: failureOf(error, call, options.nowMs()) }
      }
    },
  }
}

async function stream(
  client: OpenAI,
  call: ProviderCall,
  nowMs: () => number,
): Promise<HeardAnswer> {
  const { request, model, outputTokensMax, signal } = call
  const response = await client.chat.completions
    .create(
      {
        model,
        messages: request.messages as OpenAI.ChatCompletionMessageParam[],
        tools: request.tools as OpenAI.ChatCompletionTool[],
        stream: true,
        stream_options: { include_usage: true },
        ...(request.responseSchema === undefined
          ? {}
          : { response_format: responseFormatOf(request.responseSchema) }),
        ...(outputTokensMax === undefined ? {} : { max_completion_tokens: outputTokensMax }),
      },
      { signal, headers: { 'x-task-id': request.taskId, 'x-step': String(request.step) } },
    )
    .asResponse()
  call.onHeaders(rateHintsOf((name) => response.headers.get(name), nowMs()))
  const heard = silence()
  await readEvents(bodyOf(response), (data) => {
    call.onPiece()
    if (call.ended() || data === '[DONE]') return
    const before = heard.characters
    hear(heard, parseChunk(data), (text) => {
      if (before === 0) call.onBegun()
      request.onText(text)
    })
    if (before === 0 && heard.characters > 0) call.onBegun()
    call.onSize(heard.characters)
  })
  return conclude(heard)
}

/** The SDK's errors in the words of the domain. */
function failureOf(error: unknown, call: ProviderCall, nowMs: number): Failure {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_MAX)
  if (error instanceof OpenAI.APIConnectionTimeoutError) return { kind: 'timeout', message }
  if (error instanceof OpenAI.APIConnectionError) return { kind: 'connection', message }
  if (error instanceof OpenAI.APIError) {
    if (error.status === undefined) return { kind: 'connection', message }
    const headers = error.headers as Headers | undefined
    const hints = rateHintsOf((name) => headers?.get(name), nowMs)
    call.onHeaders(hints)
    const status = error.code === NO_QUOTA ? PAYMENT_REQUIRED : (error.status as number)
    const { retryAfterMs } = hints
    return {
      kind: 'status',
      status,
      message,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }
  if (error instanceof SyntaxError) return { kind: 'malformed', message: 'unreadable answer' }
  // What reading the body throws: the connection is gone.
  return { kind: 'connection', message }
}
