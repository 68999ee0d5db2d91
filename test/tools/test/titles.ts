/** A string in source text: one of its three groups is the text between the quotes. */
const LITERAL = String.raw`'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|\`((?:[^\`\\]|\\.)*)\``
/** A title comes first in `describe(…)`, `it(…)` and `test(…)`, or after the rows of `.each(…)(…)`. */
const TITLE = new RegExp(
  String.raw`(\b(?:describe|it|test)(?:\.\w+)*\(|\)\()\s*(?:${LITERAL})`,
  'g',
)
const NUMBER = /\b\d[\d_]*(?:\.\d+)?\b/g
/** Where vitest inserts a value of the row. */
const PLACEHOLDER = /%[a-z]|\$[\w.]+/
/** A value that does not matter to the pattern. */
const ANY = '…'
/** The ends of a full name: what `^` and `$` match. */
const START = '\u0002'
const END = '\u0003'

/**
 * Whether the text of a test file has a test whose full name the pattern matches. A title of a table of
 * cases is tried with the strings and numbers of the file.
 */
export function hasTitle(text: string, pattern: RegExp): boolean {
  const said = pattern.source.replaceAll('\\', '')
  const all = new Set([...literalsOf(text), ...numbersOf(text)])
  const told = [...all].filter(
    (value) => value !== '' && (said.includes(value) || pattern.test(value)),
  )
  const values = [...told, ANY]
  const titles = [...text.matchAll(TITLE)].map(([, opening = '', ...literal]) => ({
    // After `.each(…)` the word is not visible: it may be a group or a test.
    isGroup: opening.startsWith('describe') || opening === ')(',
    parts: piecesOf(unquoted(literal), values),
  }))
  const groups = titles.flatMap(({ isGroup, parts }) => (isGroup ? [parts] : []))
  const searched = alternativesOf(pattern.source)
  const found = (pieces: readonly Piece[]): boolean =>
    searched.some((tokens) => isIn(tokens, [[START], ...pieces, [END]]))
  return titles.some(
    ({ parts }) => found(parts) || groups.some((group) => found([...group, [' '], ...parts])),
  )
}

/** A part of a title: one of these texts. */
type Piece = readonly string[]

/** The text around the placeholders of a title, with the values that may replace each of them. */
function piecesOf(title: string, values: readonly string[]): Piece[] {
  const [first = '', ...rest] = title.split(PLACEHOLDER)
  return [[first], ...rest.flatMap((part): Piece[] => [values, [part]])]
}

/** One step of a pattern: a character, any character, or any number of them. */
type Token = { readonly char: string } | 'one' | 'many'

/** The alternatives of a pattern. Only `.`, `.*`, `^`, `$`, `|` and escaped characters have a meaning here. */
function alternativesOf(source: string): Token[][] {
  const alternatives: Token[][] = [[]]
  for (const [text] of source.matchAll(/\\?.\*?/gsu)) {
    const tokens = alternatives.at(-1)!
    if (text === '|') alternatives.push([])
    else if (text === '.*') tokens.push('many')
    else if (text === '.') tokens.push('one')
    else if (text === '^') tokens.push({ char: START })
    else if (text === '$') tokens.push({ char: END })
    else if (/^(?:\\\W|[^\\()[\]{}+?*])$/su.test(text)) tokens.push({ char: text.at(-1)! })
    else throw new Error(`the check of titles cannot read ${text} in /${source}/`)
  }
  return alternatives
}

/**
 * Whether the tokens match somewhere in one of the texts that the pieces form. Follows all positions in the
 * tokens at the same time, so that the work grows with the number of values and not with their combinations.
 */
function isIn(tokens: readonly Token[], pieces: readonly Piece[]): boolean {
  let positions = new Set([0])
  for (const piece of pieces) {
    const next = new Set<number>()
    for (const text of piece) for (const at of read(tokens, positions, text)) next.add(at)
    positions = next
  }
  return positions.has(tokens.length)
}

function read(
  tokens: readonly Token[],
  before: ReadonlySet<number>,
  text: string,
): ReadonlySet<number> {
  let positions = before
  for (const char of text) {
    const next = new Set([0])
    for (const at of positions) {
      const token = tokens[at]
      // The end of the tokens stays reached.
      if (token === undefined) next.add(at)
      else if (token === 'many') for (const each of [at, at + 1]) next.add(each)
      else if (token === 'one' || token.char === char) next.add(at + 1)
      // No character may stand for `.*`.
      if (token === 'many' && matches(tokens[at + 1], char)) next.add(at + 2)
    }
    positions = next
  }
  return positions
}

function matches(token: Token | undefined, char: string): boolean {
  return token === 'one' || (typeof token === 'object' && token.char === char)
}

function literalsOf(text: string): string[] {
  return [...text.matchAll(new RegExp(LITERAL, 'g'))].map(([, ...literal]) => unquoted(literal))
}

function numbersOf(text: string): string[] {
  return [...text.matchAll(NUMBER)].map(([number]) => number.replaceAll('_', ''))
}

function unquoted(groups: readonly (string | undefined)[]): string {
  const text = groups.find((group) => group !== undefined) ?? ''
  return text.replaceAll(/\\(.)/g, '$1')
}
