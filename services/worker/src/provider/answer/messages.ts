import { hearEcho, SIGNATURES } from './echo.ts'
import type { Heard } from './conclusion.ts'
import type { Failure } from '@agentfleet/domain'
import {
  contentText,
  isCallPart,
  isRecord,
  isShallow,
  refusalText,
  textOf,
  type JsonObject,
} from '../shape.ts'
import { createToolCalls, piecesOf } from './tool-calls.ts'

/**
 * Endpoints accept at most 128 tools and request a few at once; a longer list is a defect of the
 * model.
 */
const TOOL_CALLS_MAX = 256
const TOO_MANY_CALLS: Failure = {
  kind: 'output-too-large',
  message: `the answer asks for more than ${TOOL_CALLS_MAX} tool calls`,
}

/** Creates what hears the texts and the tool calls of an answer, and passes on its text. */
export function createMessages(
  heard: Heard,
  passed: { readonly onBegun: () => void; readonly onText: (text: string) => void },
) {
  const toolCalls = createToolCalls()
  let begun = false

  const begin = (): void => {
    if (!begun) passed.onBegun()
    begun = true
  }
  const passOn = (piece: string): void => {
    if (piece === '') return
    begin()
    passed.onText(piece)
  }
  const say = (text: string): void => {
    if (text === '') return
    heard.wentOn ||= heard.finish !== undefined
    heard.closed = false
    heard.characters += text.length
    passOn(heard.spoken.add(text))
  }
  const hearMessage = (message: JsonObject): void => {
    const content = message['content'] ?? message['text']
    if (!isShallow(content)) throw new RangeError('the content of the answer is nested too deep')
    say(contentText(content))
    heard.refusal += textOf(message['refusal']) ?? refusalText(content)
    heard.characters += hearEcho(heard.echo, message)
    for (const [at, piece] of callsIn(message).entries()) {
      begin()
      heard.characters += toolCalls.add(piece, at > 0)
      if (toolCalls.size <= TOOL_CALLS_MAX) continue
      heard.failure = TOO_MANY_CALLS
      return
    }
  }
  /** Reads a message in place of a delta: another piece, or a repetition with the missing parts. */
  const hearWhole = (message: JsonObject): void => {
    const content = message['content'] ?? message['text']
    if (!isShallow(content)) throw new RangeError('the content of the answer is nested too deep')
    const text = contentText(content)
    const { said } = heard.spoken
    const left = said !== '' && text.startsWith(said) ? text.slice(said.length) : text
    // The parts without text may be calls or a refusal.
    const others = Array.isArray(content) ? content.filter((part) => contentText(part) === '') : []
    const rest = others.length > 0 ? [left, ...others] : left
    const known = toolCalls.size > 0 ? { tool_calls: null, function_call: null } : {}
    hearMessage({ ...message, ...known, content: rest })
  }
  return { calls: toolCalls.calls, passOn, say, hear: hearMessage, hearWhole }
}

/** Returns the tool calls in a message, no matter in which field. */
function callsIn(message: JsonObject): readonly unknown[] {
  const { content, tool_calls: usual, toolCalls, tool_call: one, function_call: older } = message
  const calls = usual ?? toolCalls ?? one
  if (calls === undefined && older === undefined && !Array.isArray(content)) return NO_CALLS
  const several = piecesOf(calls)
  if (several.length > 0) return several
  // The older form with a single call.
  if (isRecord(older) || (typeof older === 'string' && older !== '')) {
    return [{ index: 0, function: older }]
  }
  return Array.isArray(content) ? content.filter(isCallPart).map(callInPart) : NO_CALLS
}

const NO_CALLS: readonly unknown[] = []

/** Gemini's part with a call has its signature next to it. */
function callInPart(part: JsonObject): unknown {
  const { functionCall: call, thoughtSignature: signature } = part
  if (call === undefined) return part
  const google = signature === undefined ? {} : { google: { thought_signature: signature } }
  return { function: call, [SIGNATURES]: google }
}
