import type { Failure, Json, Usage } from '@agentfleet/domain'
import type { LlmAnswer } from '../run/conversation.ts'
import { failureOfError, readAnswerError, safeMessage } from './errors.ts'
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
 * One answer of a provider, from its bytes to what it comes to.
 *
 * States: open → finished (a finish reason was heard, usage may follow) → over ([DONE], the end of the body,
 * an error, a limit). Invariants: nothing that bytes contain throws; an answer that was finished stays whole
 * whatever the connection does afterwards; the pieces handed on add up to the text of the answer; an answer
 * that is empty, cut, withheld or ended for an unknown reason is a failure, never a success.
 */
export interface AnswerReader {
  push(bytes: Uint8Array): void
  /** The body is over, or its connection broke; how makes no difference. */
  end(): void
  /** Nothing more is needed of the body. */
  readonly over: boolean
  /** The provider has named its finish reason behind an answer; what may still come is usage. */
  readonly finished: boolean
  /** The answer failed: the rest of the body is of no use. */
  readonly broken: boolean
  result(): HeardAnswer
}

/** A whole answer, or what is wrong with it. */
export type HeardAnswer =
  | { readonly kind: 'answered'; readonly answer: LlmAnswer; readonly usage: Usage }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      /** What was paid for all the same, where the provider finished its answer. */
      readonly usage?: Usage
      /** The text of an answer that was cut. */
      readonly partial?: string
    }

/** How an answer is read. */
export interface AnswerOptions {
  /** Largest event, or body of JSON, characters. */
  readonly eventCharactersMax: number
  /** Names of the tools that the request offered. */
  readonly offered: readonly string[]
  /** Where ids for calls without one come from: unique for each call to a provider. */
  readonly idSeed: string
  /** Characters of the prompt: what an estimate of its tokens is made from. */
  readonly promptCharacters: number
  /** The provider's key, which no message may show. */
  readonly key: string | undefined
  /** The first piece that the answer is made of is being handed on. */
  onBegun(): void
  onText(text: string): void
  /** The answer has grown to so many characters. */
  onSize(characters: number): void
}

/** Fields of reasoning that some providers want back with the tool calls of the same message. */
const ECHOED = ['reasoning_content', 'reasoning', 'reasoning_details'] as const

interface Heard {
  text: string
  /** Half a character at the end of a piece, until its other half comes. */
  held: string
  refusal: string
  characters: number
  finish: string | undefined
  /** Text came behind a finish reason: this sender's reasons do not say that it is finished. */
  wentOn: boolean
  usage: ReportedUsage | undefined
  failure: Failure | undefined
  done: boolean
  events: number
  readonly echo: Record<string, Json>
}

/** Reads one answer. */
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
    const several = piecesOf(message['tool_calls'])
    // The form from before there were several calls.
    const single = isRecord(message['function_call'])
      ? [{ index: 0, function: message['function_call'] }]
      : []
    for (const piece of several.length > 0 ? several : single) {
      begin()
      heard.characters += toolCalls.add(piece)
      if (toolCalls.size > TOOL_CALLS_MAX) heard.failure = TOO_MANY_CALLS
    }
  }
  /** A message in place of a delta: a further piece, or all of it once more with what was left out. */
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
    // A whole message is an end by itself; one in a chunk without a finish reason is a piece.
    const whole = finish !== undefined || value['object'] === 'chat.completion'
    if (isRecord(message) && whole) heard.done = true
    options.onSize(heard.characters)
  }
  const framing = createFraming(options.eventCharactersMax, {
    onData(data, name) {
      const text = data.trim()
      if (ended || text === '' || isOver(heard) || SIGN_OF_LIFE.test(name ?? text)) return
      heard.events += 1
      if (END_MARK.test(text)) {
        heard.done = true
        return
      }
      const value = valueOf(text, name)
      try {
        if (value === undefined) heard.failure = MALFORMED
        else hearValue(value, name)
      } catch (error) {
        // Nested so deep that the stack ends: whatever bytes can do, they end this answer alone.
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

const MALFORMED: Failure = { kind: 'malformed', message: "the provider's answer cannot be read" }
/** Endpoints take no more tools than 128 and ask for a few at once; a longer list is a model that rambles. */
const TOOL_CALLS_MAX = 256
const TOO_MANY_CALLS: Failure = {
  kind: 'output-too-large',
  message: `the answer asks for more than ${TOOL_CALLS_MAX} tool calls`,
}
/** Events that say only that the sender lives, by their name or by their text. */
const SIGN_OF_LIFE = /^(ping|pong|heart-?beat|keep-?alive)$/i
const BROKE_OFF: Failure = { kind: 'connection', message: 'the answer broke off before its end' }

function isOver({ done, failure }: Heard): boolean {
  return done || failure !== undefined
}

/** The value of an event; an error may be a sentence. */
function valueOf(text: string, name: string | undefined): unknown {
  const value = parseJson(text)
  return value === undefined && name === 'error' ? text : value
}

function tooLarge(charactersMax: number): Failure {
  const message = `one event of the answer is larger than ${charactersMax} characters`
  return { kind: 'output-too-large', message }
}

/** The choice that was asked for; further ones are not ours. */
function firstChoice(value: JsonObject): JsonObject | undefined {
  const { choices } = value
  if (!Array.isArray(choices)) return undefined
  return choices.filter(isRecord).find(({ index }) => Number(index ?? 0) === 0)
}

function hearReasoning(heard: Heard, message: JsonObject): void {
  for (const name of ECHOED) {
    const piece = message[name]
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
  // What comes after the end of a whole answer does not undo it.
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
    return failed({ kind: 'withheld', message: `the provider withheld its answer (${finish})` })
  }
  if (ending === 'cut') return failed(cutAnswer(finish), text === '' ? {} : { partial: text })
  if (ending === 'broken') {
    return failed({
      kind: 'connection',
      message: `the provider ended its answer with "${safeMessage(finish ?? '', undefined)}"`,
    })
  }
  if (!said) return failed(emptyAnswer(finish ?? 'no finish reason'))
  if (ending === 'unknown' && toolCalls.length === 0) {
    const message = `the provider ended its answer for a reason that is not known: "${safeMessage(finish ?? '', undefined)}"`
    return failed({ kind: 'answer-cut', message }, text === '' ? {} : { partial: text })
  }
  const echo =
    toolCalls.length > 0 && Object.keys(heard.echo).length > 0 ? { echo: heard.echo } : {}
  return { kind: 'answered', answer: { text, toolCalls, ...echo }, usage }
}

function cutAnswer(finish: string | undefined): Failure {
  const message = `the answer was cut at its token limit (${finish}); raise maxOutputTokens or ask for less`
  return { kind: 'answer-cut', message }
}

function emptyAnswer(finish: string): Failure {
  return {
    kind: 'empty-answer',
    message: `the provider answered without text or tool calls (${finish})`,
  }
}
