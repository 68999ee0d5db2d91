/** Returns the text, or the beginning of a text that has more characters than this; surrogate pairs stay whole. */
export function shortened(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text
  return `${text.slice(0, charsMax).replace(/[\uD800-\uDBFF]$/, '')}…`
}
