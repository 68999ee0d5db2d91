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

/** The text of a message: a string, or the text parts of a list; thinking parts are left out. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map(contentText).join('')
  if (!isRecord(content)) return ''
  const { type, text } = content
  if (type !== undefined && type !== 'text' && type !== 'output_text') return ''
  // Some endpoints nest the text once more: { text: { value } }.
  return typeof text === 'string' ? text : isRecord(text) ? (textOf(text['value']) ?? '') : ''
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
