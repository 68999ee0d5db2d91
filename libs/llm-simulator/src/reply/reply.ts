import { refused, type ApiError, type Checked } from '../http/api-error.ts'
import type { FaultKind } from '../settings/faults.ts'
import type { JsonObject } from '../http/json.ts'
import type { CallParams, ReplyModel } from '../settings/params.ts'
import type { ChatRequest } from './request.ts'
import { isPlanner, planText, PLANNER_MODELS, WORD_MODELS } from './planner.ts'
import { stepsTurn, type ScriptTurn } from './scripts.ts'
import type { SimulatorSettings } from '../settings/settings.ts'
import { structuredText } from './structured.ts'
import { hashText, piecesOf, textContent, tokensOf, type Content } from './text.ts'

/** One tool call of an answer. */
interface ReplyToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/** The content of an answer and its speed, before any fault. */
export interface Reply {
  readonly content: Content | undefined
  readonly toolCalls: readonly ReplyToolCall[]
  readonly finishReason: 'stop' | 'length' | 'tool_calls'
  readonly completionTokens: number
  readonly ttftMs: number
  /** Time between two tokens. */
  readonly tokenMs: number
  /** Fault named by the script; the call's own parameters take precedence. */
  readonly fault: FaultKind | undefined
  /** Refusal that the script has for this turn. */
  readonly error: ApiError | undefined
}

/** Scripts by name. */
export type Scripts = ReadonlyMap<string, readonly ScriptTurn[]>

/** Prefix of models that follow a named script. */
export const SCRIPT_PREFIX = 'sim-script:'
/** Models that need no script. */
export const PLAIN_MODELS: readonly string[] = [
  'sim',
  'sim-fast',
  'sim-echo',
  'sim-steps',
  ...PLANNER_MODELS,
]

/** Argument text is sent in pieces of this many characters, about two tokens each. */
const ARGUMENT_PIECE_CHARACTERS = 8
/** Turns of `sim-steps` without a number in its name. */
const STEPS_DEFAULT = 5
/** Longest answer when neither the request nor the model limits it. */
const TOKENS_MAX = 100_000

/** Composes the answer: the same request and settings always give the same one. */
export function composeReply(
  request: ChatRequest,
  model: ReplyModel,
  scripts: Scripts,
  settings: SimulatorSettings,
): Checked<Reply> {
  const pace = paceOf(request, model, settings)
  if (model.base === 'sim-steps') {
    const turn = stepsTurn(request.turn, model.params.n ?? STEPS_DEFAULT, model.params.ms)
    return { kind: 'ok', value: scriptedReply(request, turn, pace) }
  }
  if (model.base.startsWith(SCRIPT_PREFIX)) {
    const name = model.base.slice(SCRIPT_PREFIX.length)
    const turns = scripts.get(name)
    if (turns === undefined) return refusedModel(request.model)
    const turn = turns[request.turn]
    if (turn !== undefined) return { kind: 'ok', value: scriptedReply(request, turn, pace) }
    const message = `Simulator script ${name} has no turn ${request.turn}.`
    return refused(message, 'messages', 'script_exhausted')
  }
  if (model.base === 'sim-echo') {
    const limit = model.params.tokens ?? TOKENS_MAX
    const content = textContent(request.lastUserText, Math.min(limit, request.tokensMax ?? limit))
    return { kind: 'ok', value: textReply(content, content.cut, pace) }
  }
  if (request.format.kind === 'json') {
    const text = planText(model.base, request.format.schema)
    if (text !== undefined) {
      const content = textContent(text, request.tokensMax ?? TOKENS_MAX)
      return { kind: 'ok', value: textReply(content, content.cut, pace) }
    }
  }
  const plain = WORD_MODELS.includes(model.base) || isPlanner(model.base)
  if (!plain && settings.anyModel === 0) return refusedModel(request.model)
  if (request.format.kind === 'json') return structuredReply(request, request.format.schema, pace)
  return { kind: 'ok', value: wordsReply(request, model.params, settings, pace) }
}

/** The tokens of an answer as deltas of a stream, in JSON; as many as its completion tokens. */
export function* deltasOf(reply: Reply): Generator<string, void> {
  if (reply.content !== undefined) {
    for (const token of tokensOf(reply.content)) yield `{"content":${JSON.stringify(token)}}`
  }
  for (const [index, call] of reply.toolCalls.entries()) {
    const head = { name: call.name, arguments: '' }
    const first = { index, id: call.id, type: 'function', function: head }
    yield JSON.stringify({ tool_calls: [first] })
    for (const piece of piecesOf(call.arguments, ARGUMENT_PIECE_CHARACTERS)) {
      yield JSON.stringify({ tool_calls: [{ index, function: { arguments: piece } }] })
    }
  }
}

interface Pace {
  readonly ttftMs: number
  readonly tokenMs: number
}

function paceOf(request: ChatRequest, model: ReplyModel, settings: SimulatorSettings): Pace {
  const fast = model.base === 'sim-fast'
  const rate = model.params.tps ?? (fast ? 0 : settings.tokensPerSecond)
  const spread = (hashText('pace', request.promptHash) / 4_294_967_296) * 2 - 1
  const usual = fast ? 0 : settings.ttftMs * (1 + settings.jitter * spread)
  return { ttftMs: model.params.ttft ?? usual, tokenMs: rate === 0 ? 0 : 1_000 / rate }
}

function wordsReply(
  request: ChatRequest,
  params: CallParams,
  settings: SimulatorSettings,
  pace: Pace,
): Reply {
  const span = settings.tokensMax - settings.tokensMin + 1
  const wanted =
    params.tokens ?? request.tokensMax ?? settings.tokensMin + (request.promptHash % span)
  const count = Math.min(wanted, request.tokensMax ?? TOKENS_MAX, TOKENS_MAX)
  return textReply({ kind: 'words', seed: request.promptHash, count }, count < wanted, pace)
}

function structuredReply(
  request: ChatRequest,
  schema: JsonObject | undefined,
  pace: Pace,
): Checked<Reply> {
  const text = structuredText(schema)
  if (text.kind === 'refused') {
    return refused(`Invalid schema for response_format: ${text.why}.`, 'response_format')
  }
  const content = textContent(text.value, request.tokensMax ?? TOKENS_MAX)
  return { kind: 'ok', value: textReply(content, content.cut, pace) }
}

function textReply(content: Content, cut: boolean, pace: Pace): Reply {
  return {
    ...pace,
    content,
    toolCalls: [],
    finishReason: cut ? 'length' : 'stop',
    completionTokens: content.count,
    fault: undefined,
    error: undefined,
  }
}

function scriptedReply(request: ChatRequest, turn: ScriptTurn, pace: Pace): Reply {
  const limit = request.tokensMax ?? TOKENS_MAX
  const content = turn.content === undefined ? undefined : textContent(turn.content, limit)
  const toolCalls = (turn.toolCalls ?? []).map((call, index): ReplyToolCall => ({
    id: index === 0 ? `call_${request.turn}` : `call_${request.turn}_${index}`,
    name: call.name,
    arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments),
  }))
  const toolTokens = toolCalls.reduce(
    (sum, call) => sum + 1 + Math.ceil(call.arguments.length / ARGUMENT_PIECE_CHARACTERS),
    0,
  )
  const stopped = content?.cut === true ? 'length' : 'stop'
  return {
    content,
    toolCalls,
    finishReason: toolCalls.length > 0 ? 'tool_calls' : stopped,
    completionTokens: (content?.count ?? 0) + toolTokens,
    ttftMs: turn.delayMs ?? pace.ttftMs,
    tokenMs: pace.tokenMs,
    fault: turn.fault,
    error: turn.error === undefined ? undefined : scriptedError(turn.error),
  }
}

function scriptedError(error: NonNullable<ScriptTurn['error']>): ApiError {
  const wait = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }
  return {
    status: error.status,
    message: error.message ?? `Simulated error ${error.status} from a script.`,
    type: error.status >= 500 ? 'server_error' : 'invalid_request_error',
    param: null,
    code: error.code ?? null,
    ...wait,
  }
}

function refusedModel(model: string): Checked<Reply> {
  const message = `The simulated model '${model}' does not exist.`
  return refused(message, 'model', 'model_not_found', 404)
}
