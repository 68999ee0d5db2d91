/** Reads JSON from a provider without relying on its form. */
import { jsonIn } from '@agentfleet/domain'

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value is an object, not null and not a list. */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns a text; undefined for any other value. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Returns a word, or a number as a word; undefined for any other value. */
export function wordOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : textOf(value)
}

/** Returns the first value among these fields that `read` can read. */
export function firstIn<T>(
  object: JsonObject,
  names: readonly string[],
  read: (value: unknown) => T | undefined,
): T | undefined {
  for (const name of names) {
    const found = read(object[name])
    if (found !== undefined) return found
  }
  return undefined
}

/** Parses the JSON of an object by the rules of JSON alone; undefined for any other text. */
export function objectIn(text: string): JsonObject | undefined {
  const value = jsonIn(text)
  return isRecord(value) ? value : undefined
}

/**
 * Parses JSON; undefined if it is invalid. The literals and the quotes of Python count as those of
 * JSON, and NaN and Infinity as null; control characters in strings count as escaped; a comma behind
 * the last value is ignored.
 */
export function parseJson(text: string): unknown {
  const value = jsonIn(text)
  if (value !== undefined) return value
  return jsonIn(text.replaceAll(STRING_OR_NO_NUMBER, (found) => jsonOf(found)))
}

const CONTROL = /\p{Cc}/gu
/** A string without an end reaches to the end of the text; otherwise each mark would begin a new search. */
const STRING_OR_NO_NUMBER =
  /"(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^'\\]|\\.)*(?:'|\\?$)|-?\b(?:NaN|Infinity)\b|\b(?:True|False|None)\b|,(?=\s{0,99}[\]}])/gs

function jsonOf(found: string): string {
  if (found === ',') return ''
  if (found === 'True' || found === 'False') return found.toLowerCase()
  if (found.startsWith("'")) return JSON.stringify(unescaped(found.slice(1, -1)))
  if (!found.startsWith('"')) return 'null'
  return found.replaceAll(CONTROL, (character) => JSON.stringify(character).slice(1, -1))
}

/** The escapes of Python's strings. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, mark: string) => ESCAPES[mark] ?? mark)
}

/** Levels. No provider nests deeper, and deeper nesting would exhaust the stack of a reader. */
const DEPTH_MAX = 64

/** Whether a value is nested so little that a recursive reader can process it. */
export function isShallow(value: unknown, levels = DEPTH_MAX): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1))
}

/** The types of parts that hold a model's thoughts. */
const THOUGHTS = /think|thought|reason|summary/i

/**
 * Returns the text of a message: a string, or the text parts of a list without the thinking parts.
 */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map(contentText).join('')
  // The requested JSON as a value instead of its text.
  if (typeof content === 'number' || typeof content === 'boolean') return String(content)
  if (!isRecord(content)) return ''
  if (isCallPart(content)) return ''
  const { type, text = content['content'], thought } = content
  if (type === undefined && text === undefined && Object.keys(content).length > 0) {
    return JSON.stringify(content)
  }
  if (thought === true || (type !== undefined && !isTextType(type))) return ''
  // Some endpoints nest the text: { text: { value } }.
  return typeof text === 'string' ? text : isRecord(text) ? (textOf(text['value']) ?? '') : ''
}

/** Whether a part of a message is a call, as Anthropic or Gemini writes it. */
export function isCallPart(part: unknown): part is JsonObject {
  if (!isRecord(part)) return false
  const { type, functionCall: call } = part
  return type === 'tool_use' || type === 'tool_call' || type === 'function_call' || isRecord(call)
}

function isTextType(type: unknown): boolean {
  return typeof type === 'string' && /text/i.test(type) && !THOUGHTS.test(type)
}

/** Returns the refusals among the parts of a message. */
export function refusalText(content: unknown): string {
  if (!Array.isArray(content)) return ''
  const parts = content.filter(isRecord).filter(({ type }) => type === 'refusal')
  return parts.map(({ refusal }) => textOf(refusal) ?? '').join('')
}

/**
 * Writes JSON with each text well formed: texts of clients and tools, and texts that were cut, may
 * have half of a surrogate pair, and a provider would refuse the whole request.
 */
export function wellFormedJson(value: unknown): string {
  const text = JSON.stringify(value)
  // Only halves are written as escapes that begin like this, so nearly every value is written once.
  if (!text.includes(String.raw`\ud`)) return text
  return JSON.stringify(value, (_field, inner: unknown) =>
    typeof inner === 'string' ? inner.toWellFormed() : inner,
  )
}

/** Whether a text ends within a surrogate pair whose other half may still arrive. */
export function endsWithinCharacter(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}

/** Texts that only show that the connection is alive. */
const SIGN_OF_LIFE =
  /^"?(undefined|none|nil|ok|started|connected|processing|queued|waiting|thinking)"?$|^[\s"':[(<-]*(ping\b|pong\b|heart[-_ ]?bea|keep[-_ ]?alive)|^[\s\p{P}]{1,8}$/iu

/** Whether a text without JSON, or the name of an event, only shows that the connection is alive. */
export function isSignOfLife(text: string): boolean {
  return SIGN_OF_LIFE.test(text)
}
