import type { Json } from '@agentfleet/domain'

/**
 * The JSON in an answer that should be JSON alone. Models wrap it: in fences of any kind, in prose, after
 * their thoughts. Unwrapping it costs nothing; asking the model again costs a call.
 *
 * Invariants: a text that is JSON is used whole; of several wrapped values the first one that `accepts`
 * confirms is used; the time is bounded by the length of the text, whatever it contains.
 */
export function jsonInAnswer(text: string, accepts: (value: Json) => boolean): Json | undefined {
  let first: Json | undefined
  for (const candidate of candidatesOf(text)) {
    const value = parse(candidate)
    if (value === undefined) continue
    const unwrapped = unwrap(value, accepts)
    if (unwrapped !== undefined) return unwrapped
    first ??= value
  }
  return first
}

/** How many times a value may be wrapped. */
const WRAPPED_MAX = 3

/**
 * The value, or the one that it contains alone: as JSON in a text, as the only item of a list, as the only
 * field of an object. The wrapper counts only if the value in it is accepted.
 */
function unwrap(
  value: Json,
  accepts: (value: Json) => boolean,
  levels = WRAPPED_MAX,
): Json | undefined {
  if (accepts(value)) return value
  if (levels === 0 || value === null) return undefined
  const inside = typeof value === 'string' ? [parse(value)] : innerOf(value)
  const [only] = inside
  return inside.length !== 1 || only === undefined ? undefined : unwrap(only, accepts, levels - 1)
}

/** The objects and texts in a list or an object, which may be wrapped values. */
function innerOf(value: Json): readonly Json[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.values(value)
  return inner.length === 1 && typeof inner[0] === 'object' ? inner : []
}

/** Marks around a model's thoughts before its answer. */
const MARKS_OF_THOUGHT =
  /[<[◁](?:\w{1,16}:)?(\/?)(?:\w{1,16}:)?(think|thinking|thought|reasoning|reflection|analysis)[>\]▷]/gi
/** Some providers omit the opening mark. */
const THOUGHTS_END =
  /^[\s\S]*[<[◁]\/(?:\w{1,16}:)?(?:think|thinking|thought|reasoning|reflection|analysis)[>\]▷]/i
const FENCE = /`{3,}|~{3,}/g
/** Fences and values that are tried: a text with more is prose. */
const CANDIDATES_MAX = 16

function* candidatesOf(text: string): Generator<string> {
  const whole = text.trim()
  yield whole
  const said = withoutThoughts(whole).replace(THOUGHTS_END, '').trim()
  if (said !== whole) yield said
  let found = 0
  for (const inside of fencedIn(said)) {
    if ((found += 1) > CANDIDATES_MAX) return
    yield inside.trim()
  }
  // `code` in single backticks, and values within prose.
  for (const value of valuesIn(said)) {
    if ((found += 1) > CANDIDATES_MAX) return
    yield value
  }
}

/**
 * The text without its thoughts: a thought reaches from its opening tag to its end tag. An opening tag without an
 * end tag removes nothing.
 * Written by hand: a pattern that searches the end of each opening takes seconds when there are many openings
 * and no end.
 */
function withoutThoughts(text: string): string {
  const marks = [...text.matchAll(MARKS_OF_THOUGHT)]
  const ends = new Map<string, number>()
  const endOfMark = marks.map(() => -1)
  for (let at = marks.length - 1; at >= 0; at -= 1) {
    const [, slash, name = ''] = marks[at] ?? []
    if (slash === '/') ends.set(name.toLowerCase(), at)
    else endOfMark[at] = ends.get(name.toLowerCase()) ?? -1
  }
  let kept = ''
  let from = 0
  for (let at = 0; at < marks.length; at += 1) {
    const end = marks[endOfMark[at] ?? -1]
    if (end === undefined) continue
    kept += text.slice(from, marks[at]?.index)
    from = end.index + end[0].length
    at = endOfMark[at] ?? at
  }
  return kept + text.slice(from)
}

/** Opening fences that are looked at: a text with more is prose. */
const FENCES_MAX = 64

/** The texts between fences, from left to right; the last one may lack its end. */
function* fencedIn(text: string): Generator<string> {
  const fences = [...text.matchAll(FENCE)].slice(0, FENCES_MAX)
  for (let at = 0; at < fences.length; at += 1) {
    const opening = fences[at]
    if (opening === undefined) return
    const start = text.indexOf('\n', opening.index)
    if (start === -1) return
    if (text.slice(opening.index + opening[0].length, start).includes('`')) continue
    while (at + 1 < fences.length && (fences[at + 1]?.index ?? 0) < start) at += 1
    at += 1
    yield text.slice(start + 1, fences[at]?.index)
  }
}

/** Objects and lists in a text, from left to right, none within another. */
function* valuesIn(text: string): Generator<string> {
  let from = 0
  for (let tries = 0; tries < CANDIDATES_MAX; tries += 1) {
    const start = nextOf(text, from)
    if (start === -1) return
    const end = endOf(text, start)
    if (end === undefined) {
      from = start + 1
      continue
    }
    yield text.slice(start, end)
    from = end
  }
}

function nextOf(text: string, from: number): number {
  const starts = ['{', '['].map((mark) => text.indexOf(mark, from)).filter((at) => at !== -1)
  return starts.length === 0 ? -1 : Math.min(...starts)
}

/** The end of the value that starts here; undefined when it has none. */
function endOf(text: string, start: number): number | undefined {
  let depth = 0
  let inString = false
  for (let at = start; at < text.length; at += 1) {
    const character = text[at]
    if (inString) {
      if (character === '\\') at += 1
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return undefined
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    try {
      return JSON.parse(text.replaceAll(STRING_OR_COMMA, mended)) as Json
    } catch {
      return undefined
    }
  }
}

/** Strings, to skip them, and a comma behind the last item; a string without an end reaches to the end. */
const STRING_OR_COMMA = /"(?:[^"\\]|\\.)*(?:"|\\?$)|,(?=\s{0,64}[}\]])/gs

function mended(found: string): string {
  if (found === ',') return ''
  return found.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))
}
