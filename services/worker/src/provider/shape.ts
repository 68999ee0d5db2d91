/** Reading JSON from a provider, of which no shape is certain. */

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value is an object that is neither null nor a list. */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text, or undefined for any other value. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A word, or a number that stands for one; undefined for any other value. */
export function wordOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : textOf(value)
}

/** The JSON value of a text, or undefined. NaN and Infinity, which Python writes, count as null. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    try {
      return JSON.parse(text.replaceAll(STRING_OR_NO_NUMBER, (found) => jsonOf(found)))
    } catch {
      return undefined
    }
  }
}

const STRING_OR_NO_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g

function jsonOf(found: string): string {
  return found.startsWith('"') ? found : 'null'
}

/** Nothing that providers send is nested deeper, levels; what is would end the stack of its readers. */
const DEPTH_MAX = 64

/** Whether a value is nested so little that any reader of it can go through it. */
export function isShallow(value: unknown, levels = DEPTH_MAX): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1))
}

/** The text of a message: a string, or the text parts of a list; thinking parts are left out. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map(contentText).join('')
  if (!isRecord(content)) return ''
  const { type, text } = content
  // The JSON that was asked for, as a value in place of its text.
  if (type === undefined && text === undefined && Object.keys(content).length > 0) {
    return JSON.stringify(content)
  }
  if (type !== undefined && type !== 'text' && type !== 'output_text') return ''
  // Some endpoints nest the text once more: { text: { value } }.
  return typeof text === 'string' ? text : isRecord(text) ? (textOf(text['value']) ?? '') : ''
}

/** The refusals among the parts of a message. */
export function refusalText(content: unknown): string {
  if (!Array.isArray(content)) return ''
  const parts = content.filter(isRecord).filter(({ type }) => type === 'refusal')
  return parts.map(({ refusal }) => textOf(refusal) ?? '').join('')
}

/** Half a character that has lost its other half; neither stores nor providers take it. */
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g

/** The text with each half character replaced by U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, '\uFFFD')
}

/** Whether a text ends within a character whose other half may still come. */
export function endsWithinCharacter(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}
