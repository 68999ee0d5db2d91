/**
 * Texts of tasks and models as a terminal may show them. They come from strangers: control characters, which
 * could move the cursor or change what the reader sees, and marks of writing direction become `·`.
 */
const CONTROLS = /(?![\n\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
/** Characters that take two columns. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
/** Marks that join the character before them. */
const JOINED = /[\p{Mark}\u200d\u1160-\u11ff\ud7b0-\ud7ff]/u
/** No language needs more marks on one character; hundreds of them cover the lines above and below. */
const TOO_MANY_MARKS = /(\p{Mark}{8})\p{Mark}+/gu

/** A text without characters that control the terminal; line breaks stay. */
export function safe(text: string): string {
  return text.replaceAll('\t', '  ').replaceAll(CONTROLS, '·')
}

/**
 * A value as one line of JSON. JSON need not escape every character that controls a terminal or changes the
 * direction of text; this function escapes them all, which does not change the value.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(CONTROLS, (character) => {
    let escaped = ''
    for (let at = 0; at < character.length; at += 1) {
      escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
    }
    return escaped
  })
}

/** A text in one line without characters that control the terminal. */
export function oneLine(text: string): string {
  return safe(text.replaceAll(/\s+/g, ' ').trim()).replaceAll(TOO_MANY_MARKS, '$1')
}

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  let columns = 0
  for (const character of text) columns += columnsOf(character)
  return columns
}

function columnsOf(character: string): number {
  if (JOINED.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

/** The beginning of a text that fits into these columns; `…` stands for the rest. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let used = 0
  let kept = ''
  for (const character of text) {
    used += columnsOf(character)
    if (used > columns - 1) break
    kept += character
  }
  return `${kept}…`
}

/** An error of a task or of a step: its code and its message. */
export function errorText({ code, message }: { code: string; message: string }): string {
  return `${code}: ${message}`
}

/** A value of the API in one line: a string unchanged, anything else as JSON. */
export function lineOf(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A value of the API as text: a string unchanged, anything else as JSON. */
export function valueText(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)
}
