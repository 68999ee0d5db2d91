/**
 * One structured call to an OpenAI-compatible provider; the only module of this package that imports the SDK.
 *
 * Invariants: nothing is repeated; an answer is bounded in bytes before it is read; every behaviour of the
 * provider becomes a value; its error texts stay in this module, as they may repeat a key.
 */
import type OpenAI from 'openai'
import { z } from 'zod'
import type { JsonSchema } from './schema.ts'

/** One call. */
export interface ProviderRequest {
  readonly name: string
  readonly instruction: string
  readonly prompt: string
  readonly jsonSchema: JsonSchema
  readonly outputTokensMax: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Tokens that a call used. */
export interface TokensUsed {
  readonly input: number
  readonly output: number
}

/** The outcome of a call. */
export type ProviderReply =
  | {
      readonly kind: 'answered' | 'refused' | 'cut-short'
      readonly text: string
      readonly used: TokensUsed | undefined
    }
  | { readonly kind: 'failed'; readonly why: string }

/** The provider of an adviser. */
export type Provider = (request: ProviderRequest) => Promise<ProviderReply>

/** Where the provider is. */
interface ProviderOptions {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  readonly model: string
}

const OPENAI_URL = 'https://api.openai.com/v1'
/** A thousand tokens with their JSON frame take 10 kB. */
const BODY_BYTES_MAX = 262_144

const tokens = z.number().int().nonnegative()
const completionSchema = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  // An impossible usage counts as unknown.
  usage: z.object({ prompt_tokens: tokens, completion_tokens: tokens }).nullish().catch(undefined),
})

/** Creates a provider and begins to load the SDK; connects with the first call. */
export function createProvider(options: ProviderOptions): Provider {
  const opened = open(options)
  return async (request) => {
    const { sdk, client } = await opened
    try {
      const completion: unknown = await client.chat.completions.create(
        {
          model: options.model,
          messages: [
            { role: 'system', content: request.instruction },
            { role: 'user', content: request.prompt },
          ],
          response_format: {
            type: 'json_schema',
            json_schema: { name: request.name, strict: true, schema: { ...request.jsonSchema } },
          },
          max_completion_tokens: request.outputTokensMax,
        },
        { signal: request.signal, timeout: request.timeoutMs },
      )
      return replyOf(completion)
    } catch (error) {
      return { kind: 'failed', why: whyOf(error, sdk) }
    }
  }
}

/** Loads the SDK, whose 150 modules no service without a provider should pay for. */
async function open({ apiKey, baseUrl }: ProviderOptions) {
  const { default: sdk } = await import('openai')
  const client = new sdk({
    // Sets everything that the SDK would otherwise read from the environment.
    apiKey: apiKey ?? 'none',
    adminAPIKey: null,
    baseURL: baseUrl ?? OPENAI_URL,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    maxRetries: 0,
    fetch: fetchBounded,
  })
  return { sdk, client }
}

function replyOf(completion: unknown): ProviderReply {
  const parsed = completionSchema.safeParse(completion)
  const choice = parsed.data?.choices[0]
  if (choice === undefined) return { kind: 'failed', why: 'unreadable' }
  const usage = parsed.data?.usage
  const used = usage ? { input: usage.prompt_tokens, output: usage.completion_tokens } : undefined
  const { content, refusal } = choice.message
  if (refusal) return { kind: 'refused', text: refusal, used }
  const text = content ?? ''
  if (choice.finish_reason === 'content_filter') return { kind: 'refused', text, used }
  return { kind: choice.finish_reason === 'length' ? 'cut-short' : 'answered', text, used }
}

function whyOf(error: unknown, sdk: typeof OpenAI): string {
  if (error instanceof sdk.APIUserAbortError) return 'aborted'
  if (error instanceof sdk.APIConnectionTimeoutError) return 'timeout'
  if (error instanceof sdk.APIConnectionError) return 'connection'
  if (error instanceof sdk.APIError && typeof error.status === 'number') {
    return `status-${error.status}`
  }
  return error instanceof AnswerTooLarge ? 'too-large' : 'unreadable'
}

class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge'
}

/** A `fetch` that stops reading bodies that grow too large and follows no redirect. */
async function fetchBounded(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: 'error' })
  if (response.body === null) return response
  let bytes = 0
  const bounded = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes > BODY_BYTES_MAX) controller.error(new AnswerTooLarge())
        else controller.enqueue(chunk)
      },
    }),
  )
  const { status, statusText, headers } = response
  return new Response(bounded, { status, statusText, headers })
}
