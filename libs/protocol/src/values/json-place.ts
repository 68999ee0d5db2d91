/**
 * Where a text stops being JSON, as `line 3, column 7`; undefined for JSON. A message may show it: the parser's
 * own message repeats a part of the text, which may contain a key, and often has no position.
 */
export function jsonErrorPlace(text: string): string | undefined {
  if (errorOf(text) === undefined) return undefined
  // Each beginning up to the mistake could still become JSON; no longer one could.
  let good = 0
  let bad = text.length + 1
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (canBegin(text, middle)) good = middle
    else bad = middle
  }
  const lines = text.slice(0, good).split('\n')
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`
}

/** Whether JSON can begin with the first characters of a text. */
function canBegin(text: string, length: number): boolean {
  const error = errorOf(text.slice(0, length))
  if (error === undefined || /^Unexpected end|^Unterminated/.test(error)) return true
  return / position (\d+)/.exec(error)?.[1] === String(length)
}

function errorOf(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A quoted text of JSON, or one of its signs. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g

/**
 * The first name that stands twice in one object of a JSON text: a parser keeps only the last of the two values, so
 * an entry that was copied and changed would replace the other one silently.
 */
export function repeatedName(text: string): string | undefined {
  // For each open object its names; undefined for a list.
  const open: (Set<string> | undefined)[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const names = open.at(-1)
      const name = String(JSON.parse(last))
      if (names?.has(name)) return name
      names?.add(name)
    }
    last = token
  }
  return undefined
}
