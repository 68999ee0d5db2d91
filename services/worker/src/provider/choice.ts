import { isRecord, type JsonObject } from './shape.ts'
import { finishOf } from './finish.ts'

/**
 * Where the values of an answer keep the requested choice, its message and its finish reason.
 * OpenAI's places come first; the other values are those of gateways and of other makers' models.
 */

/** Returns the choice that was requested and ignores further choices. */
export function firstChoice({ choices }: JsonObject): JsonObject | undefined {
  if (Array.isArray(choices)) return choices.find(isFirst)
  if (!isRecord(choices)) return undefined
  // One choice in place of the list, or choices by their position.
  return [choices, ...Object.values(choices)].find(
    (choice): choice is JsonObject =>
      isFirst(choice) && ('delta' in choice || 'message' in choice || 'text' in choice),
  )
}

/** Whether a value is the first choice; any index except a positive number is the first. */
function isFirst(choice: unknown): choice is JsonObject {
  return isRecord(choice) && !(Number(choice['index'] ?? 0) > 0)
}

/** Returns a delta or a message, which may be only its text, or a list with one. */
export function messageIn(value: unknown): JsonObject | undefined {
  if (isRecord(value)) return value
  if (typeof value === 'string') return { content: value }
  return Array.isArray(value) ? value.find(isRecord) : undefined
}

/** Returns the finish reason of a choice in a value. */
export function finishIn(choice: JsonObject, value: JsonObject): string | undefined {
  const { finish_reason: usual, finishReason: camel, delta } = choice
  const found = finishOf(usual ?? camel)
  if (found !== undefined || usual !== undefined) return found
  const inDelta = isRecord(delta) ? delta['finish_reason'] : undefined
  return finishOf(choice['stop_reason'] ?? inDelta ?? value['finish_reason'])
}

const ENVELOPES = ['data', 'result', 'output', 'response'] as const

/** Returns the answer in the envelope that a gateway put around it. */
export function answerInEnvelope(value: JsonObject): JsonObject | undefined {
  return ENVELOPES.map((name) => value[name])
    .filter(isRecord)
    .find((inner) => inner['choices'] !== undefined)
}

/** Whether a value without choices is the mark for the end of a stream. */
export function isEndValue({ done, type }: JsonObject): boolean {
  return done === true || (typeof type === 'string' && END_NAME.test(type))
}

/** The names of events that end a stream. */
export const END_NAME = /^(done|end|close|complete|completed|finish|finished|message_stop)$/i
