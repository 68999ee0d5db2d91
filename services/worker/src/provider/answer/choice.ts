import { isRecord, parseJson, type JsonObject } from '../shape.ts'
import { finishOf } from './finish.ts'

/**
 * Where the values of an answer keep the requested choice, its message and its finish reason.
 * OpenAI's places come first; the other values are those of gateways and of other makers' models.
 */

/** A piece of a choice, and the value that contains it. */
interface KeptPiece {
  readonly choice: JsonObject
  readonly value: JsonObject
}

/**
 * Finds the requested choice in the values of an answer. It is the choice of index 0, or of no index.
 * The choice of the lowest other index takes its place if the first one says nothing in the whole
 * answer; until that is known its pieces are kept, at most `charactersMax` characters.
 */
export function createChoices(charactersMax: number) {
  let known = false
  let index = Infinity
  let pieces: KeptPiece[] = []
  let characters = 0
  let finished = false
  const keep = (choice: JsonObject, value: JsonObject): void => {
    const own = indexOf(choice)
    if (own > index) return
    if (own < index) {
      pieces = []
      characters = 0
      finished = false
    }
    index = own
    finished ||= finishIn(choice, value) !== undefined
    characters += JSON.stringify(choice).length
    if (characters > charactersMax) pieces = []
    else pieces.push({ choice, value })
  }
  return {
    /** Returns the first choice of a value. */
    first(value: JsonObject): JsonObject | undefined {
      // Nearly every piece takes this path, which for speed makes no list.
      if (known && Array.isArray(value['choices'])) return value['choices'].find(isFirst)
      const all = choicesIn(value)
      const first = all.find(isFirst)
      if (known) return first
      if (first !== undefined && saysSomething(first)) {
        known = true
        pieces = []
      } else for (const other of all) if (indexOf(other) > 0) keep(other, value)
      return first
    },
    /** Returns the kept pieces, in their order; empty after the first choice has said something. */
    kept: (): readonly KeptPiece[] => pieces,
    /** Whether the kept pieces have a finish reason. */
    get finished() {
      return finished && !known
    },
    /** Whether there were more pieces than can be kept. */
    get overflowed() {
      return !known && characters > charactersMax
    },
  }
}

/** Returns the choices of a value: a list, one choice in its place, or choices by their position. */
function choicesIn({ choices }: JsonObject): readonly JsonObject[] {
  if (Array.isArray(choices)) return choices.filter(isRecord)
  if (!isRecord(choices)) return []
  return [choices, ...Object.values(choices)].filter(
    (choice): choice is JsonObject =>
      isRecord(choice) && ('delta' in choice || 'message' in choice || 'text' in choice),
  )
}

function isFirst(choice: unknown): choice is JsonObject {
  return isRecord(choice) && indexOf(choice) === 0
}

/** Returns the index of a choice; any index except a positive number is 0. */
function indexOf({ index }: JsonObject): number {
  const number = Number(index ?? 0)
  return number > 0 ? number : 0
}

/** Whether a choice has more than empty fields and its end. */
function saysSomething({ delta, message, text }: JsonObject): boolean {
  return [delta, message, text].some((part) =>
    isRecord(part) ? Object.values(part).some((field) => isFilled(field)) : isFilled(part),
  )
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value)
    ? value.length > 0
    : value !== undefined && value !== null && value !== ''
}

/** Returns the delta or the message. Some providers send only its text, or a list that contains it. */
export function messageIn(value: unknown): JsonObject | undefined {
  if (isRecord(value)) return value
  if (typeof value === 'string') return { content: value }
  return Array.isArray(value) ? value.find(isRecord) : undefined
}

/** Returns the finish reason of a choice: in the choice, in its message or next to the choices. */
export function finishIn(choice: JsonObject, value: JsonObject): string | undefined {
  const { delta, message } = choice
  return (
    finishAt(choice) ??
    (isRecord(delta) ? finishAt(delta) : undefined) ??
    (isRecord(message) ? finishAt(message) : undefined) ??
    finishAt(value)
  )
}

/**
 * Returns the finish reason among the fields of an object, under the names of OpenAI, of other makers
 * and of gateways.
 */
export function finishAt(place: JsonObject): string | undefined {
  const { finish_reason: usual, finishReason: camel, stop_reason: stop, done_reason: done } = place
  const { finish_details: details, native_finish_reason: native } = place
  // Nearly every piece has no such field, so for speed this makes no list.
  const other = camel ?? stop ?? done ?? details ?? native ?? undefined
  const found = usual === undefined || usual === null ? undefined : finishOf(usual)
  return found ?? (other === undefined ? undefined : finishOf(other))
}

const ENVELOPES = ['data', 'result', 'output', 'response', 'chunk', 'payload', 'body'] as const
const ENVELOPED = ['choices', 'error', 'usage'] as const

/** Returns the answer, or its error or usage, in the envelope that a gateway put around it. */
export function answerInEnvelope(value: JsonObject): JsonObject | undefined {
  return ENVELOPES.map((name) => opened(value[name]))
    .filter(isRecord)
    .find((inner) => ENVELOPED.some((name) => inner[name] !== undefined && inner[name] !== null))
}

/** Some gateways put the answer into the envelope as a text. */
function opened(inner: unknown): unknown {
  return typeof inner === 'string' && inner.startsWith('{') ? parseJson(inner) : inner
}

/** Whether a value without choices is the mark for the end of a stream. */
export function isEndValue({ done, finished, is_finished: is, type, event, status }: JsonObject) {
  if (done === true || finished === true || is === true) return true
  return [type, event, status].some((name) => typeof name === 'string' && isEndName(name))
}

/** Words that a name may have next to a word for the end; other names end a part of an answer. */
const WHOLE = new Set('stream completion chat response message answer event all'.split(' '))
const END_WORD = new Set(
  'done end ended close closed complete completed finish finished stop stopped eof'.split(' '),
)

/** Whether an event or a status of this name ends a stream. */
export function isEndName(name: string): boolean {
  const words = name
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '')
  return (
    END_WORD.has(words.at(-1) ?? '') && words.every((word) => END_WORD.has(word) || WHOLE.has(word))
  )
}
