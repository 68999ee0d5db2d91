import { createOwnedMap, type Failure } from '@agentfleet/domain'
import OpenAI from 'openai'
import type { LlmRequest } from '../llm/request.ts'
import { placeOf, type Provider } from '../llm/provider.ts'
import type { ToolOffer } from '../tools/tool.ts'
import { createAnswerReader } from './answer/answer.ts'
import type { HeardAnswer } from './answer/conclusion.ts'
import { readBody } from './http/body.ts'
import { FULL_CAPABILITIES, type Capabilities } from './request/capabilities.ts'
import { PASSING } from './request/lessons.ts'
import { learnRefusal, mergeLessons } from './request/refusal.ts'
import { failureOfError, readRefusal, type ProviderError } from './errors.ts'
import { safeMessage } from './safe-message.ts'
import { isRecord } from './shape.ts'
import { rateHintsOf, retryAfterIn, type RateHints } from './http/headers.ts'
import { bodyOf, headersOf, readText } from './http/fetch.ts'
import { CHAT_PATH, ChatClient, type ChatInit } from './http/sdk.ts'
import { wireRequest, type WireRequest } from './request/request.ts'

/** One request to one model of one provider. */
interface ProviderCall {
  readonly request: LlmRequest
  /** The provider's name for the model. */
  readonly model: string
  readonly outputTokensMax: number | undefined
  readonly promptCharacters: number
  readonly signal: AbortSignal
  /** Called when the provider has answered the request, before its body. */
  onHeaders(hints: RateHints): void
  /** Called for every sign of life: headers, a piece of the answer, a comment. */
  onPiece(): void
  /**
   * Called before the first piece of the answer is passed on; no other provider can be asked after
   * that.
   */
  onBegun(): void
  /** Called with the number of characters so far. */
  onSize(characters: number): void
  /** Whether the request was ended; later pieces are dropped. */
  ended(): boolean
}

/**
 * Calls one provider.
 *
 * After a refusal that names a field, it repeats the request without the field. Invariants: `call`
 * never throws; a request is repeated only after a refusal, which costs nothing, and at most
 * ADAPTATIONS_MAX times; a lesson about a model holds for every later call of this node, and only a
 * lesson that helped is kept: if every form was refused, the request itself was wrong.
 */
export type ProviderClient = ReturnType<typeof createProviderClient>

/** Fields that one call can learn to omit, one after another. */
const ADAPTATIONS_MAX = 10
/** Models whose capabilities are remembered; tasks choose their names, so each tenant has a share (L7). */
const MODELS_MAX = 1_000
/** JSON may escape one character as six. */
const ESCAPED_MAX = 6
/** Characters for the frame of an event around its text. */
const FRAME_MAX = 65_536
const OK_FROM = 200
const OK_BELOW = 300

interface ClientOptions {
  readonly fetch: typeof fetch
  readonly callMs: number
  readonly outputBytesMax: number
  readonly nowMs: () => number
}

/** Creates a client of this provider over these connections. */
export function createProviderClient(provider: Provider, options: ClientOptions) {
  const sender = { client: new ChatClient(provider, options), provider, options }
  const configured: Capabilities = { ...FULL_CAPABILITIES, ...provider.capabilities }
  const learned = createOwnedMap<Capabilities>(MODELS_MAX)

  const tryForms = async (call: ProviderCall): Promise<HeardAnswer> => {
    const { model, outputTokensMax } = call
    const target = { provider: provider.name, model, outputTokensMax }
    const before = learned.get(model) ?? configured
    let capabilities = before
    let first: Answered | undefined
    // What only this call omits.
    let passing: Partial<Capabilities> = {}
    for (let adapted = 0; ; adapted += 1) {
      const wire = wireRequest(call.request, target, capabilities)
      const answered = await send(sender, call, wire)
      const refusal = refusalIn(answered)
      if (refusal === undefined) {
        const { answer } = answered as Extract<Answered, { kind: 'heard' }>
        if (adapted > 0 && (answer.kind === 'answered' || answer.usage !== undefined)) {
          const now = learned.get(model) ?? configured
          const lessons = mergeLessons(now, before, { ...capabilities, ...passing })
          learned.set(call.request.tenant, model, lessons)
        }
        return answer
      }
      const lesson = learnRefusal(capabilities, refusal, wire.sent)
      if (lesson !== undefined && adapted < ADAPTATIONS_MAX && !call.ended()) {
        capabilities = lesson.capabilities
        const field = PASSING.get(lesson.reason)
        if (field !== undefined) passing = { ...passing, [field]: before[field] }
        first ??= answered
        continue
      }
      // Among refusals of one kind, the first concerns the request as it was meant.
      const told = first === undefined || !isSameStatus(first, answered) ? answered : first
      if (told.kind === 'heard') return told.answer
      return { kind: 'failed', failure: failureOfError(told.error, provider.key) }
    }
  }

  return {
    /** Makes the call; the caller explains a failure after its own abort. */
    async call(call: ProviderCall): Promise<HeardAnswer> {
      try {
        return await tryForms(call)
      } catch (error) {
        return { kind: 'failed', failure: failureOfThrown(error, provider) }
      }
    },
    /** Returns what a model is known to accept. */
    capabilitiesOf: (model: string) => learned.get(model) ?? configured,
  }
}

type Answered =
  | { readonly kind: 'heard'; readonly answer: HeardAnswer; readonly begun: boolean }
  | { readonly kind: 'refused'; readonly error: ProviderError }

interface Sender {
  readonly client: ChatClient
  readonly provider: Provider
  readonly options: ClientOptions
}

/** Sends a request in this form and reads its answer. */
async function send(
  { client, provider, options }: Sender,
  call: ProviderCall,
  wire: WireRequest,
): Promise<Answered> {
  const { request, signal } = call
  const fetchOptions: ChatInit = {
    confirm: request.confirm,
    fields: { 'x-task-id': request.taskId, 'x-step': String(request.step) },
  }
  const response = await client
    .post(CHAT_PATH, { body: wire.body, signal, fetchOptions })
    .asResponse()
  call.onPiece()
  const headers = headersOf(response)
  call.onHeaders(rateHintsOf(headers))
  const { status } = response
  if (status < OK_FROM || status >= OK_BELOW) {
    const error = readRefusal(status, await readText(bodyOf(response)), headers.get('location'))
    const retryAfterMs = retryAfterIn(headers, options.nowMs()) ?? error.retryAfterMs
    return { kind: 'refused', error: { ...error, retryAfterMs } }
  }
  let begun = false
  const reader = createAnswerReader({
    eventCharactersMax: FRAME_MAX + options.outputBytesMax * ESCAPED_MAX,
    offered: {
      names: request.tools.map((tool) => tool.function.name),
      isText: (name, argument) => isTextArgument(request.tools, name, argument),
      json: request.responseSchema !== undefined,
    },
    idSeed: `${request.taskId}.${request.step}`,
    promptCharacters: call.promptCharacters,
    key: provider.key,
    onBegun() {
      begun = true
      call.onBegun()
    },
    onText: (text) => request.onText(text),
    onSize: call.onSize,
  })
  await readBody(bodyOf(response), reader, call)
  return { kind: 'heard', answer: reader.result(), begun }
}

/** Returns the refusal: by status, or as the first event of an answer with status 200. */
function refusalIn(answered: Answered): ProviderError | undefined {
  if (answered.kind === 'refused') return answered.error
  const { answer, begun } = answered
  if (begun || answer.kind === 'answered' || answer.failure.kind !== 'status') return undefined
  const { status, message } = answer.failure
  return { status, message, ...answer.named }
}

/** Whether a tool takes this argument as a text. */
function isTextArgument(tools: readonly ToolOffer[], name: string, argument: string): boolean {
  const tool = tools.find((each) => each.function.name === name)
  const properties = tool?.function.parameters['properties']
  const schema = isRecord(properties) ? properties[argument] : undefined
  return isRecord(schema) && schema['type'] === 'string'
}

function isSameStatus(one: Answered, other: Answered): boolean {
  return refusalIn(one)?.status === refusalIn(other)?.status
}

/** Converts the SDK's errors, and errors while reading a body, to a failure. */
function failureOfThrown(error: unknown, { key, baseUrl }: Provider): Failure {
  const said = error instanceof Error ? causeOf(error) : String(error)
  const message = safeMessage(`${said} (${placeOf(baseUrl)})`, key)
  return {
    kind: error instanceof OpenAI.APIConnectionTimeoutError ? 'timeout' : 'connection',
    message,
  }
}

/** Returns the innermost cause, because "Connection error." alone does not help. */
function causeOf(error: Error): string {
  const { cause } = error
  return cause instanceof Error ? causeOf(cause) : error.message || error.name
}
