import type { Failure, Json, Usage } from '@agentfleet/domain'
import type { LlmAnswer } from '../run/conversation.ts'
import { failureOfError, readAnswerError } from './errors.ts'
import { safeMessage } from './safe-message.ts'
import { classifyFinish, finishOf } from './finish.ts'
import { createFraming, END_MARK } from './framing.ts'
import {
  contentText,
  endsWithinCharacter,
  isRecord,
  isShallow,
  parseJson,
  refusalText,
  textOf,
  wellFormed,
  type JsonObject,
} from './shape.ts'
import { createToolCalls, piecesOf } from './tool-calls.ts'
import { laterUsage, readUsage, usageOf, type ReportedUsage } from './usage.ts'

/**
 * Reads one answer of a provider from its bytes to its result.
 *
 * States: open → finished (a finish reason arrived; usage may follow) → over ([DONE], the end of
 * the body, an error, a limit). Invariants: no bytes make it throw; a finished answer stays
 * complete whatever happens to the connection afterwards; the pieces that it passes on add up to
 * the text of the answer; an answer that is empty, cut, withheld or ended for an unknown reason is
 * a failure.
 */
export interface AnswerReader {
  push(bytes: Uint8Array): void
  /** Ends the body, whether it was complete or its connection broke. */
  end(): void
  /** Whether the rest of the body is irrelevant. */
  readonly over: boolean
  /** Whether the provider has sent a finish reason after an answer; only usage may still follow. */
  readonly finished: boolean
  /** Whether the answer has failed and the rest of the body is useless. */
  readonly broken: boolean
  result(): HeardAnswer
}

/** A complete answer, or what is wrong with it. */
export type HeardAnswer =
  | { readonly kind: 'answered'; readonly answer: LlmAnswer; readonly usage: Usage }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      /** The usage of a failed answer that the provider nevertheless finished. */
      readonly usage?: Usage
      /** The text of an answer that was cut. */
      readonly partial?: string
    }

/** How to read an answer. */
export interface AnswerOptions {
  /** Characters of the largest event or JSON body. */
  readonly eventCharactersMax: number
  /** The names of the tools that the request offered. */
  readonly offered: readonly string[]
  /** The seed for ids of calls without one: unique for each provider request. */
  readonly idSeed: string
  /** The characters of the prompt, for estimating its tokens. */
  readonly promptCharacters: number
  /** The provider's key, which no message may contain. */
  readonly key: string | undefined
  /** Called before the first piece of the answer is passed on. */
  onBegun(): void
  onText(text: string): void
  /** Called with the number of characters so far. */
  onSize(characters: number): void
}

/** Fields of reasoning that some providers expect back with the tool calls of the same message. */
const ECHOED = ['reasoning_content', 'reasoning', 'reasoning_details'] as const

interface Heard {
  text: string
  /** Half of a surrogate pair at the end of a piece, until the other half arrives. */
  held: string
  refusal: string
  characters: number
  finish: string | undefined
  /** Text followed a finish reason, so the finish reasons of this provider do not prove an end. */
  wentOn: boolean
  usage: ReportedUsage | undefined
  failure: Failure | undefined
  done: boolean
  events: number
  readonly echo: Record<string, Json>
}

/** Creates the reader of one answer. */
export function createAnswerReader(options: AnswerOptions): AnswerReader {
  const heard: Heard = {
    text: '',
    held: '',
    refusal: '',
    characters: 0,
    finish: undefined,
    wentOn: false,
    usage: undefined,
    failure: undefined,
    done: false,
    events: 0,
    echo: {},
  }
  const toolCalls = createToolCalls()
  let ended = false
  let begun = false

  const begin = (): void => {
    if (!begun) options.onBegun()
    begun = true
  }
  const say = (text: string): void => {
    if (text === '') return
    begin()
    heard.wentOn ||= heard.finish !== undefined
    const joined = heard.held + text
    heard.held = endsWithinCharacter(joined) ? joined.slice(-1) : ''
    const piece = wellFormed(heard.held === '' ? joined : joined.slice(0, -1))
    heard.text += piece
    heard.characters += text.length
    if (piece !== '') options.onText(piece)
  }
  const hearMessage = (message: JsonObject): void => {
    const content = message['content']
    if (!isShallow(content)) throw new RangeError('nested too deep')
    say(contentText(content))
    heard.refusal += textOf(message['refusal']) ?? refusalText(content)
    hearReasoning(heard, message)
    const { tool_calls: calls, function_call: single } = message
    if (calls === undefined && single === undefined) return
    const several = piecesOf(calls)
    // The older form with a single call.
    const one = isRecord(single) ? [{ index: 0, function: single }] : []
    for (const piece of several.length > 0 ? several : one) {
      begin()
      heard.characters += toolCalls.add(piece)
      if (toolCalls.size > TOOL_CALLS_MAX) heard.failure = TOO_MANY_CALLS
    }
  }
  /** Reads a message in place of a delta: another piece, or a repetition with the missing parts. */
  const hearWhole = (message: JsonObject): void => {
    const content = contentText(message['content'])
    const said = heard.text + heard.held
    const rest = said !== '' && content.startsWith(said) ? content.slice(said.length) : content
    const known = toolCalls.size > 0 ? { tool_calls: null, function_call: null } : {}
    hearMessage({ ...message, ...known, content: rest })
  }
  const hearValue = (value: unknown, name: string | undefined): void => {
    const error = readAnswerError(value, name === 'error')
    if (error !== undefined) {
      heard.failure = failureOfError(error, undefined, options.key)
      return
    }
    if (!isRecord(value)) return
    heard.usage = laterUsage(heard.usage, readUsage(value))
    const choice = firstChoice(value)
    if (choice === undefined) return
    const { delta, message } = choice
    if (isRecord(delta)) hearMessage(delta)
    if (isRecord(message)) hearWhole(message)
    if (delta === undefined && message === undefined) say(contentText(choice['text']))
    const finish = finishOf(choice['finish_reason'] ?? choice['finishReason'])
    if (finish !== undefined) heard.finish = finish
    // A whole message is complete by itself; in a chunk without a finish reason it is a piece.
    const whole = finish !== undefined || value['object'] === 'chat.completion'
    if (isRecord(message) && whole) heard.done = true
    options.onSize(heard.characters)
  }
  const framing = createFraming(options.eventCharactersMax, {
    onData(data, name) {
      const text = data.trim()
      if (ended || text === '' || isOver(heard)) return
      const mark = !text.startsWith('{')
      if ((mark || name !== undefined) && SIGN_OF_LIFE.test(name ?? text)) return
      heard.events += 1
      if (mark && END_MARK.test(text)) {
        heard.done = true
        return
      }
      const value = valueOf(text, name)
      try {
        if (value === undefined) heard.failure = MALFORMED
        else hearValue(value, name)
      } catch (error) {
        // The nesting exhausts the stack; such bytes end only this answer.
        if (!(error instanceof RangeError)) throw error
        heard.failure = MALFORMED
      }
    },
    onBroken(problem) {
      heard.failure ??= problem === 'too-large' ? tooLarge(options.eventCharactersMax) : MALFORMED
    },
  })

  return {
    push(bytes) {
      if (!ended && !isOver(heard)) framing.push(bytes)
    },
    end() {
      if (ended) return
      if (!isOver(heard)) framing.end()
      ended = true
    },
    get over() {
      return isOver(heard)
    },
    get finished() {
      const answered = heard.characters > 0 || heard.refusal !== '' || heard.usage !== undefined
      return heard.finish !== undefined && answered && !heard.wentOn
    },
    get broken() {
      return heard.failure !== undefined
    },
    result() {
      if (heard.held !== '') {
        heard.held = ''
        heard.text += '\uFFFD'
        options.onText('\uFFFD')
      }
      return conclude(heard, toolCalls.calls(options.offered, options.idSeed), options)
    },
  }
}

const MALFORMED: Failure = {
  kind: 'malformed',
  message: "the provider's answer could not be parsed",
}
/**
 * Endpoints accept at most 128 tools and request a few at once; a longer list is a defect of the
 * model.
 */
const TOOL_CALLS_MAX = 256
const TOO_MANY_CALLS: Failure = {
  kind: 'output-too-large',
  message: `the answer asks for more than ${TOOL_CALLS_MAX} tool calls`,
}
/** Events that only show that the connection is alive, by name or by text. */
const SIGN_OF_LIFE = /^(ping|pong|heart-?beat|keep-?alive)$/i
const BROKE_OFF: Failure = {
  kind: 'connection',
  message: 'the connection broke before the end of the answer',
}

function isOver({ done, failure }: Heard): boolean {
  return done || failure !== undefined
}

/** Parses an event; an error may be a sentence. */
function valueOf(text: string, name: string | undefined): unknown {
  const value = parseJson(text)
  return value === undefined && name === 'error' ? text : value
}

function tooLarge(charactersMax: number): Failure {
  const message = `one event of the answer exceeds ${charactersMax} characters`
  return { kind: 'output-too-large', message }
}

/** Returns the choice that was requested and ignores further ones. */
function firstChoice(value: JsonObject): JsonObject | undefined {
  const { choices } = value
  if (!Array.isArray(choices)) return undefined
  return choices.find(
    (choice): choice is JsonObject => isRecord(choice) && Number(choice['index'] ?? 0) === 0,
  )
}

function hearReasoning(heard: Heard, message: JsonObject): void {
  for (const name of ECHOED) {
    const piece = message[name]
    if (piece === undefined || piece === null) continue
    const before = heard.echo[name]
    if (!isShallow(piece)) throw new RangeError('nested too deep')
    if (typeof piece === 'string' && piece !== '') {
      heard.echo[name] = (typeof before === 'string' ? before : '') + piece
      heard.characters += piece.length
    } else if (Array.isArray(piece) && piece.length > 0) {
      heard.echo[name] = [...(Array.isArray(before) ? before : []), ...(piece as Json[])]
      heard.characters += JSON.stringify(piece).length
    } else if (isRecord(piece) && Object.keys(piece).length > 0) {
      heard.echo[name] = piece as Json
      heard.characters += JSON.stringify(piece).length
    }
  }
}

function conclude(
  heard: Heard,
  toolCalls: LlmAnswer['toolCalls'],
  options: AnswerOptions,
): HeardAnswer {
  const { text, finish, failure, refusal } = heard
  const said = text.trim() !== '' || toolCalls.length > 0
  const usage = usageOf(heard.usage, { prompt: options.promptCharacters, answer: heard.characters })
  const failed = (problem: Failure, more: { partial?: string } = {}): HeardAnswer =>
    finish === undefined
      ? { kind: 'failed', failure: problem, ...more }
      : { kind: 'failed', failure: problem, usage, ...more }
  const ending = finish === undefined ? undefined : classifyFinish(finish)
  // The provider's words may repeat a key, as its errors may.
  const reason = (): string => safeMessage(finish ?? 'no finish reason', options.key)
  // What follows a complete answer does not change it.
  const whole = said && ending === 'whole' && refusal.trim() === ''
  if (failure !== undefined && !whole) return failed(failure)
  if (refusal.trim() !== '') {
    return failed({
      kind: 'withheld',
      message: `the model refused: ${safeMessage(refusal.trim(), options.key)}`,
    })
  }
  if (ending === undefined && !(heard.done && said)) {
    return failed(heard.done && heard.events > 1 ? emptyAnswer('no finish reason') : BROKE_OFF)
  }
  if (ending === 'withheld') {
    return failed({ kind: 'withheld', message: `the provider withheld its answer (${reason()})` })
  }
  if (ending === 'cut') return failed(cutAnswer(reason()), text === '' ? {} : { partial: text })
  if (ending === 'broken') {
    return failed({
      kind: 'connection',
      message: `the provider ended its answer with "${reason()}"`,
    })
  }
  if (!said) return failed(emptyAnswer(reason()))
  if (ending === 'unknown' && toolCalls.length === 0) {
    const message = `the provider ended its answer for an unknown reason: "${reason()}"`
    return failed({ kind: 'answer-cut', message }, text === '' ? {} : { partial: text })
  }
  const echo =
    toolCalls.length > 0 && Object.keys(heard.echo).length > 0 ? { echo: heard.echo } : {}
  return { kind: 'answered', answer: { text, toolCalls, ...echo }, usage }
}

function cutAnswer(finish: string): Failure {
  const message = `the answer was cut at its token limit (${finish}); raise maxOutputTokens or ask for less`
  return { kind: 'answer-cut', message }
}

function emptyAnswer(finish: string): Failure {
  return {
    kind: 'empty-answer',
    message: `the provider answered with neither text nor tool calls (${finish})`,
  }
}
