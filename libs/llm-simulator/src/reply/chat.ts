/** `POST /v1/chat/completions`: check, compose, admit, play. */
import { withQuirk, type Tail } from './quirks.ts'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { errorBody, errorHeaders, type ApiError } from '../http/api-error.ts'
import type { FaultDice, FaultKind } from '../settings/faults.ts'
import { SIMULATED, sendError } from '../http/server.ts'
import type { CallKey, Ledger, RefusalKind } from '../counting/ledger.ts'
import { isJsonObject } from '../http/json.ts'
import type { Limiter } from '../counting/limiter.ts'
import { parseParams, type CallParams } from '../settings/params.ts'
import { play, type Plan } from './player.ts'
import { composeReply, type Reply, type Scripts } from './reply.ts'
import { parseChatRequest, type ChatRequest } from './request.ts'
import type { SimulatorSettings } from '../settings/settings.ts'
import { estimateTokens, piecesOf } from './text.ts'
import type { Wheel } from './wheel.ts'
import { malformedFrame, streamFrames, wholeBody, type Envelope } from '../http/wire.ts'

/** The parts that a chat call uses. */
export interface ChatDeps {
  readonly settings: () => SimulatorSettings
  readonly scripts: Scripts
  readonly wheel: Wheel
  readonly limiter: Limiter
  readonly ledger: Ledger
  readonly dice: FaultDice
  /** A name that no other answer of this simulator has. */
  readonly nextId: () => string
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
} as const
/** Longest task id or step that is counted; longer ones are cut. */
const KEY_CHARACTERS_MAX = 200

/** Answers one chat call. */
export function answerChat(
  response: ServerResponse,
  headers: IncomingHttpHeaders,
  body: unknown,
  deps: ChatDeps,
): void {
  const { ledger, limiter } = deps
  const settings = deps.settings()
  const key = callKey(headers)
  const named = isJsonObject(body) && typeof body['model'] === 'string' ? body['model'] : undefined
  const model = named?.slice(0, KEY_CHARACTERS_MAX)
  const refuse = (kind: RefusalKind, error: ApiError): void => {
    ledger.refuse(kind, model, key)
    sendError(response, error)
  }

  const parsed = parseChatRequest(body)
  if (parsed.kind === 'refused') return refuse('invalid', parsed.error)
  const request = parsed.value
  const split = parseParams(request.model, request.sim, headers)
  if (split.kind === 'refused') return refuse('invalid', split.error)
  const { params } = split.value
  const composed = composeReply(request, split.value, deps.scripts, settings)
  if (composed.kind === 'refused') return refuse('invalid', composed.error)
  const reply = composed.value

  if (ledger.inFlight() >= settings.inFlightMax) return refuse('overloaded', OVERLOADED)
  const promptTokens = estimateTokens(request.promptCharacters)
  const limited = limiter.admit(promptTokens + reply.completionTokens, settings)
  if (limited !== undefined) return refuse('limited', limited)

  const fault = chooseFault(params, reply, ledger.seen(model ?? '', key), deps)
  if (fault !== undefined) ledger.fault(fault)
  const nowMs = deps.wheel.nowMs()
  const error = faultError(fault, settings) ?? reply.error
  if (error !== undefined) {
    ledger.refuse('injected', model, key)
    play(response, refusalPlan(error, nowMs + reply.ttftMs), deps.wheel, deps.settings, () => {})
    return
  }
  const envelope: Envelope = {
    id: deps.nextId(),
    model: request.model,
    createdAtSeconds: Math.floor(Date.now() / 1_000),
    promptTokens,
    includeUsage: request.includeUsage,
  }
  const plan = planAnswer(request, reply, envelope, fault, params, settings, nowMs)
  const quirk = params.quirk ?? deps.dice.rollQuirk(settings)
  const frames =
    quirk === undefined || !request.stream ? plan.frames : withQuirk(quirk, plan.frames)
  const limits = limiter.headers(settings)
  const call = ledger.begin(model ?? '', key, promptTokens)
  const labelled = { ...plan, frames, headers: { ...SIMULATED, ...limits, ...plan.headers } }
  play(response, labelled, deps.wheel, deps.settings, ({ outcome, framesSent, stalled }) => {
    const all = request.stream ? framesSent : framesSent > 0 ? reply.completionTokens : 0
    ledger.end(call, outcome, Math.min(all, reply.completionTokens), stalled)
  })
}

function callKey(headers: IncomingHttpHeaders): CallKey | undefined {
  const taskId = headers['x-task-id']
  if (typeof taskId !== 'string' || taskId === '') return undefined
  const step = headers['x-step']
  return {
    taskId: taskId.slice(0, KEY_CHARACTERS_MAX),
    step: typeof step === 'string' ? step.slice(0, KEY_CHARACTERS_MAX) : '',
  }
}

function chooseFault(
  params: CallParams,
  reply: Reply,
  seen: number,
  deps: ChatDeps,
): FaultKind | undefined {
  const named = params.fault ?? reply.fault
  if (named === undefined) return deps.dice.roll(deps.settings())
  return params.times === undefined || seen < params.times ? named : undefined
}

function faultError(
  fault: FaultKind | undefined,
  settings: SimulatorSettings,
): ApiError | undefined {
  if (fault === '429') {
    const message = 'Simulated rate limit, injected as a fault.'
    const retryAfterMs = settings.retryAfterMs
    const code = 'rate_limit_exceeded'
    return { status: 429, message, type: 'requests', param: null, code, retryAfterMs }
  }
  if (fault !== '500') return undefined
  const message = 'Simulated server error, injected as a fault.'
  return { status: 500, message, type: 'server_error', param: null, code: null }
}

const OVERLOADED: ApiError = {
  status: 503,
  message: 'The simulator has reached its limit of calls in flight.',
  type: 'server_error',
  param: null,
  code: 'overloaded',
  // Load changes within a second.
  retryAfterMs: 1_000,
}

function refusalPlan(error: ApiError, atMs: number): Plan {
  const headers = { ...SIMULATED, ...errorHeaders(error), 'content-type': 'application/json' }
  const frames = [errorBody(error)].values()
  const times = { firstAtMs: atMs, frameMs: 0 }
  return { status: error.status, headers, frames, ...times, ending: 'end', whole: true }
}

function planAnswer(
  request: ChatRequest,
  reply: Reply,
  envelope: Envelope,
  fault: FaultKind | undefined,
  params: CallParams,
  settings: SimulatorSettings,
  nowMs: number,
): Plan {
  const frameMs = fault === 'drip' ? 1_000 / settings.dripTokensPerSecond : reply.tokenMs
  const broken = fault === 'cut' || fault === 'malformed' || fault === 'hang'
  const common = {
    status: 200,
    firstAtMs: nowMs + (fault === 'hang' ? settings.hangMaxMs : reply.ttftMs),
    ending: fault === 'cut' || fault === 'hang' ? ('cut' as const) : ('end' as const),
    whole: !broken,
  }
  const keep = params.after ?? Math.max(1, Math.floor(reply.completionTokens / 2))
  if (request.stream) {
    const all = fault === 'hang' ? [].values() : streamFrames(reply, envelope)
    const tail = fault === 'malformed' ? malformedFrame(envelope) : ''
    const frames = fault === 'cut' || fault === 'malformed' ? firstFrames(all, keep, tail) : all
    return { ...common, headers: STREAM_HEADERS, frames, frameMs }
  }
  const body = wholeBody(reply, envelope)
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (fault === 'drip') {
    const size = Math.max(1, Math.ceil(body.length / Math.max(1, reply.completionTokens)))
    return { ...common, headers, frames: piecesOf(body, size).values(), frameMs }
  }
  if (fault === 'cut') headers['content-length'] = String(Buffer.byteLength(body))
  const sent = broken ? body.slice(0, Math.floor(body.length / 2)) : body
  if (fault !== 'cut') headers['content-length'] = String(Buffer.byteLength(sent))
  const frames = fault === 'hang' ? [].values() : [sent].values()
  const firstAtMs = common.firstAtMs + reply.completionTokens * reply.tokenMs
  return { ...common, headers, frames, firstAtMs, frameMs: 0 }
}

function* firstFrames(
  frames: Iterator<string, Tail>,
  count: number,
  tail: string,
): Generator<string, string> {
  for (let index = 0; index < count; index += 1) {
    const next = frames.next()
    if (next.done === true) break
    yield next.value
  }
  return tail
}
