import type { Failure } from '@agentfleet/domain'
import { hearEcho, SIGNATURES } from './echo.ts'
import { failureOfError, readAnswerError, readChoiceError, type ProviderError } from '../errors.ts'
import { safeMessage } from '../safe-message.ts'
import {
  answerInEnvelope,
  createChoices,
  finishAt,
  finishIn,
  isEndName,
  isEndValue,
  messageIn,
} from './choice.ts'
import { classifyFinish } from './finish.ts'
import { conclude, type Heard, type HeardAnswer } from './conclusion.ts'
import { createFraming, END_MARK, LOOSE_ERROR, objectsIn, REPEATED_FIELD } from './framing.ts'
import {
  contentText,
  isCallPart,
  isRecord,
  isShallow,
  isSignOfLife,
  parseJson,
  refusalText,
  textOf,
  type JsonObject,
} from '../shape.ts'
import { createSpokenText } from './spoken.ts'
import { callsInText } from './calls-in-text.ts'
import { createToolCalls, piecesOf } from './tool-calls.ts'
import { laterUsage, readUsage } from './usage.ts'

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
  /**
   * Ends the body, whether it was complete or its connection broke. `problem`: why its bytes, or the
   * last of them, could not be decoded.
   */
  end(problem?: string): void
  /** Whether the rest of the body is irrelevant. */
  readonly over: boolean
  /** Whether the provider has sent a finish reason after an answer; only usage may still follow. */
  readonly finished: boolean
  /** The number of characters so far. */
  readonly size: number
  /** Whether the answer has failed and the rest of the body is useless. */
  readonly broken: boolean
  result(): HeardAnswer
}

/** How to read an answer. */
interface AnswerOptions {
  /** Characters of the largest event or JSON body. */
  readonly eventCharactersMax: number
  /** The names of the tools that the request offered. */
  readonly offered: readonly string[]
  /** Whether an argument of an offered tool is a text. */
  readonly isText?: (tool: string, argument: string) => boolean
  /** Whether the answer should be JSON. */
  readonly json?: boolean
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

/** Creates the reader of one answer. */
export function createAnswerReader(options: AnswerOptions): AnswerReader {
  const heard: Heard = {
    spoken: createSpokenText(),
    refusal: '',
    characters: 0,
    finish: undefined,
    finishedAt: 0,
    wentOn: false,
    usage: undefined,
    failure: undefined,
    named: undefined,
    done: false,
    closed: false,
    events: 0,
    choices: 0,
    echo: {},
  }
  const toolCalls = createToolCalls()
  const choices = createChoices(options.eventCharactersMax)
  let ended = false
  let begun = false

  const begin = (): void => {
    if (!begun) options.onBegun()
    begun = true
  }
  const passOn = (piece: string): void => {
    if (piece === '') return
    begin()
    options.onText(piece)
  }
  const say = (text: string): void => {
    if (text === '') return
    heard.wentOn ||= heard.finish !== undefined
    heard.closed = false
    heard.characters += text.length
    passOn(heard.spoken.add(text))
  }
  const hearError = (error: ProviderError): void => {
    heard.named = { param: error.param, code: error.code }
    heard.failure = failureOfError(error, undefined, options.key)
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
      if (toolCalls.size > TOOL_CALLS_MAX) heard.failure = TOO_MANY_CALLS
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
  const hearChoice = (choice: JsonObject, value: JsonObject): void => {
    const error = readChoiceError(choice)
    if (error !== undefined) return hearError(error)
    const delta = messageIn(choice['delta'])
    const message = messageIn(choice['message'])
    const finish = finishIn(choice, value)
    if (delta !== undefined) {
      hearMessage(finish !== undefined && repeats(delta, heard) ? { ...delta, content: '' } : delta)
    }
    if (message !== undefined) hearWhole(message)
    const silent = (message === undefined && delta === undefined) || heard.spoken.said === ''
    if (choice['text'] !== undefined && silent) say(contentText(choice['text']))
    if (choice['tool_calls'] !== undefined) hearMessage({ tool_calls: choice['tool_calls'] })
    if (finish !== undefined) hearFinish(heard, finish)
    // A message that is the whole body is complete; in a stream it is a piece, whatever its object is called.
    if (message !== undefined && framing.whole && value['object'] === 'chat.completion') {
      heard.closed = true
    }
    options.onSize(heard.characters)
  }
  const hearValue = (value: unknown, name: string | undefined): void => {
    const error = readAnswerError(value, name !== undefined && ERROR_NAME.test(name))
    if (error !== undefined) return hearError(error)
    // Chunks in a list, or JSON that is encoded twice.
    if (Array.isArray(value)) for (const inner of value) if (!isOver(heard)) hearValue(inner, name)
    if (typeof value === 'string') hearString(value, name)
    if (!isRecord(value)) return
    const reported = readUsage(value)
    if (value['choices'] !== undefined) heard.choices += 1
    const choice = choices.first(value)
    const { characters } = heard
    if (choice !== undefined) hearChoice(choice, value)
    heard.usage = laterUsage(heard.usage, reported, heard.characters > characters)
    if (choice !== undefined) return
    const inner = answerInEnvelope(value)
    // Next to the choices, although this value has none.
    const finish = heard.choices > 0 ? finishAt(value) : undefined
    if (finish !== undefined) hearFinish(heard, finish)
    if (inner !== undefined) hearValue(inner, name)
    else if (heard.choices > 0 && isEndValue(value)) heard.done = true
    else if (reported?.output && Array.isArray(value['choices'])) heard.closed = true
  }
  const hearString = (value: string, name: string | undefined): void => {
    if (END_MARK.test(value.trim())) heard.done = true
    else if (value !== '') hearValue(parseJson(value.replace(REPEATED_FIELD, '')), name)
  }
  /** Ends an answer whose nesting exhausts the stack; such bytes end only this answer. */
  const failAt = (error: unknown): void => {
    if (!(error instanceof RangeError)) throw error
    heard.failure = MALFORMED
  }
  const hearText = (text: string, name: string | undefined): void => {
    try {
      const values = parsed(text)
      // An error may be a sentence; a text without a string has no piece of the answer.
      if (values === undefined && (ERROR_NAME.test(name ?? '') || !text.includes('"'))) {
        hearValue(LOOSE_ERROR.exec(text)?.[1] ?? text, 'error')
      } else if (values === undefined) heard.failure = MALFORMED
      else for (const value of values) if (!isOver(heard)) hearValue(value, name)
    } catch (error) {
      failAt(error)
    }
  }
  /** Hears another choice if the first one has said nothing. */
  const hearKept = (): void => {
    if (choices.overflowed) heard.failure ??= tooLarge(options.eventCharactersMax)
    const { finish } = heard
    try {
      for (const { choice, value } of choices.kept()) hearChoice(choice, value)
    } catch (error) {
      failAt(error)
    }
    heard.finish = finish ?? heard.finish
  }
  const framing = createFraming(options.eventCharactersMax, {
    onData(data, name) {
      const text = data.trim()
      if (ended || isOver(heard)) return
      const mark = !text.startsWith('{')
      // The name alone ends the stream, unless its event has a choice.
      const last = name !== undefined && isEndName(name) && !text.includes('"choices"')
      if (text === '' && !last && name !== 'error') return
      if ((mark || name !== undefined) && isSignOfLife(name ?? text)) return
      heard.events += 1
      // The end mark may stand behind the last value.
      const end = mark || !text.endsWith(']') ? undefined : /\s*\[[a-z]+\]$/i.exec(text)?.[0]
      if (end !== undefined && END_MARK.test(end.trim())) {
        hearText(text.slice(0, -end.length), name)
        heard.done = true
      } else if (!last && name !== undefined && ERROR_NAME.test(name)) hearText(text, name)
      else if (text !== '' && !(mark && END_MARK.test(text))) hearText(text, name)
      else heard.done = true
      heard.done ||= last
    },
    onBroken(problem, said) {
      heard.failure ??=
        problem === 'too-large'
          ? tooLarge(options.eventCharactersMax)
          : notAnAnswer(safeMessage(said.trim(), options.key))
    },
  })

  return {
    push(bytes) {
      if (!ended && !isOver(heard)) framing.push(bytes)
    },
    end(problem) {
      if (ended) return
      if (!isOver(heard)) framing.end()
      if (problem !== undefined && !isOver(heard)) heard.failure = undecodable(problem)
      if (heard.failure === undefined) hearKept()
      ended = true
    },
    get over() {
      return isOver(heard)
    },
    get finished() {
      if (choices.finished) return true
      const answered = heard.characters > 0 || heard.refusal !== '' || heard.usage !== undefined
      return heard.finish !== undefined && answered && !heard.wentOn
    },
    get size() {
      return heard.characters
    },
    get broken() {
      return heard.failure !== undefined
    },
    result() {
      passOn(heard.spoken.end())
      const { offered, idSeed } = options
      const calls = toolCalls.calls(offered, idSeed)
      if (calls.length > 0) return conclude(heard, calls, options)
      const { isText = () => false, json = false } = options
      const written = callsInText(heard.spoken.text, { names: offered, isText, json }, idSeed)
      return conclude(heard, written.calls, { ...options, prose: written.prose })
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
function isOver({ done, failure }: Heard): boolean {
  return done || failure !== undefined
}

/** The names of events that report an error. */
const ERROR_NAME = /^(error|exception|failed|failure)$/i

/** Parses an event, which may hold several values. */
function parsed(text: string): readonly unknown[] | undefined {
  const value = parseJson(text)
  if (value !== undefined) return [value]
  const values = objectsIn(LOOSE_ERROR.exec(text)?.[1] ?? text).map(parseJson)
  return values.length > 0 && !values.includes(undefined) ? values : undefined
}

function undecodable(problem: string): Failure {
  const message = `the body of the provider's answer could not be decoded: ${problem}; switch off compression at the provider or its proxy`
  return { kind: 'malformed', message }
}

/** Characters that no text has. */
const BINARY = /[^\P{Cc}\s]|\uFFFD/u

function notAnAnswer(said: string): Failure {
  if (BINARY.test(said)) return { kind: 'malformed', message: `${MALFORMED.message}: it is binary` }
  return said === '' ? MALFORMED : { kind: 'malformed', message: `${MALFORMED.message}: ${said}` }
}

function tooLarge(charactersMax: number): Failure {
  const message = `one event of the answer exceeds ${charactersMax} characters`
  return { kind: 'output-too-large', message }
}

/** A reason that the answer is not whole stays, unless the answer continues behind it. */
function hearFinish(heard: Heard, finish: string): void {
  const before = heard.finish === undefined ? 'whole' : classifyFinish(heard.finish)
  if (before === 'whole' || heard.characters > heard.finishedAt) heard.finish = finish
  heard.finishedAt = heard.characters
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

/** Characters; a shorter text may really be said twice. */
const REPEATED_MIN = 16

/** Whether the last piece repeats everything that was said. */
function repeats({ content }: JsonObject, { spoken }: Heard): boolean {
  return typeof content === 'string' && content.length >= REPEATED_MIN && content === spoken.said
}
