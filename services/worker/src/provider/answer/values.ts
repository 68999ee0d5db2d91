import type { Failure } from '@agentfleet/domain'
import { failureOfError, readAnswerError, readChoiceError, type ProviderError } from '../errors.ts'
import {
  answerInEnvelope,
  finishAt,
  finishIn,
  isEndValue,
  messageIn,
  type createChoices,
} from './choice.ts'
import type { Heard } from './conclusion.ts'
import { classifyFinish } from './finish.ts'
import { END_MARK, LOOSE_ERROR, objectsIn, REPEATED_FIELD } from './framing.ts'
import type { createMessages } from './messages.ts'
import { contentText, isRecord, parseJson, type JsonObject } from '../shape.ts'
import { laterUsage, readUsage } from './usage.ts'

/** The names of events that report an error. */
export const ERROR_NAME = /^(error|exception|failed|failure)$/i

/** The answer cannot be parsed. */
export const MALFORMED: Failure = {
  kind: 'malformed',
  message: "the provider's answer could not be parsed",
}

interface ValueOptions {
  readonly key: string | undefined
  readonly eventCharactersMax: number
  onSize(characters: number): void
  /** Whether the body is one message, and no stream. */
  isWhole(): boolean
}

/** Creates what hears the JSON values of an answer: errors, choices, usage, and the marks of its end. */
export function createValues(
  heard: Heard,
  messages: ReturnType<typeof createMessages>,
  choices: ReturnType<typeof createChoices>,
  options: ValueOptions,
) {
  const hearValue = (value: unknown, name: string | undefined): void => {
    const error = readAnswerError(value, name !== undefined && ERROR_NAME.test(name))
    if (error !== undefined) return hearError(heard, error, options)
    // Chunks in a list, or JSON that is encoded twice.
    if (Array.isArray(value)) for (const inner of value) if (!isOver(heard)) hearValue(inner, name)
    if (typeof value === 'string') hearString(value, name)
    if (!isRecord(value)) return
    const reported = readUsage(value)
    if (value['choices'] !== undefined) heard.choices += 1
    const choice = choices.first(value)
    const { characters } = heard
    if (choice !== undefined) hearChoice(heard, messages, options, choice, value)
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
  const hearText = (text: string, name: string | undefined): void => {
    try {
      const values = parsed(text)
      // An error may be a sentence; a text without a string has no piece of the answer.
      if (values === undefined && (ERROR_NAME.test(name ?? '') || !text.includes('"'))) {
        hearValue(LOOSE_ERROR.exec(text)?.[1] ?? text, 'error')
      } else if (values === undefined) heard.failure = MALFORMED
      else for (const value of values) if (!isOver(heard)) hearValue(value, name)
    } catch (error) {
      failAt(heard, error)
    }
  }
  /** Hears another choice if the first one has said nothing. */
  const hearKept = (): void => {
    if (choices.overflowed) heard.failure ??= tooLarge(options.eventCharactersMax)
    const { finish } = heard
    try {
      for (const { choice, value } of choices.kept())
        hearChoice(heard, messages, options, choice, value)
    } catch (error) {
      failAt(heard, error)
    }
    heard.finish = finish ?? heard.finish
  }

  return { hearText, hearKept }
}

function hearChoice(
  heard: Heard,
  messages: ReturnType<typeof createMessages>,
  options: ValueOptions,
  choice: JsonObject,
  value: JsonObject,
): void {
  const error = readChoiceError(choice)
  if (error !== undefined) return hearError(heard, error, options)
  const delta = messageIn(choice['delta'])
  const message = messageIn(choice['message'])
  const finish = finishIn(choice, value)
  if (delta !== undefined) {
    messages.hear(finish !== undefined && repeats(delta, heard) ? { ...delta, content: '' } : delta)
  }
  if (message !== undefined) messages.hearWhole(message)
  const silent = (message === undefined && delta === undefined) || heard.spoken.said === ''
  if (choice['text'] !== undefined && silent) messages.say(contentText(choice['text']))
  if (choice['tool_calls'] !== undefined) messages.hear({ tool_calls: choice['tool_calls'] })
  if (finish !== undefined) hearFinish(heard, finish)
  // A message that is the whole body is complete; in a stream it is a piece, whatever its object is called.
  if (message !== undefined && options.isWhole() && value['object'] === 'chat.completion') {
    heard.closed = true
  }
  options.onSize(heard.characters)
}

function hearError(heard: Heard, error: ProviderError, { key }: ValueOptions): void {
  heard.named = { param: error.param, code: error.code }
  heard.failure = failureOfError(error, key)
}

/** Ends an answer whose nesting exhausts the stack; such bytes end only this answer. */
function failAt(heard: Heard, error: unknown): void {
  if (!(error instanceof RangeError)) throw error
  heard.failure = MALFORMED
}

/** Whether the rest of the body is irrelevant. */
export function isOver({ done, failure }: Heard): boolean {
  return done || failure !== undefined
}

/** Parses an event, which may hold several values. */
function parsed(text: string): readonly unknown[] | undefined {
  const value = parseJson(text)
  if (value !== undefined) return [value]
  const values = objectsIn(LOOSE_ERROR.exec(text)?.[1] ?? text).map(parseJson)
  return values.length > 0 && !values.includes(undefined) ? values : undefined
}

/** The failure of an event that is too large. */
export function tooLarge(charactersMax: number): Failure {
  const message = `one event of the answer exceeds ${charactersMax} characters`
  return { kind: 'output-too-large', message }
}

/** A reason that the answer is not whole stays, unless the answer continues behind it. */
function hearFinish(heard: Heard, finish: string): void {
  const before = heard.finish === undefined ? 'whole' : classifyFinish(heard.finish)
  if (before === 'whole' || heard.characters > heard.finishedAt) heard.finish = finish
  heard.finishedAt = heard.characters
}

/** Characters; a shorter text may really be said twice. */
const REPEATED_MIN = 16

/** Whether the last piece repeats everything that was said. */
function repeats({ content }: JsonObject, { spoken }: Heard): boolean {
  return typeof content === 'string' && content.length >= REPEATED_MIN && content === spoken.said
}
