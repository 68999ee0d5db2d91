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

/**
 * Whether the text of a test file has a test whose full name the pattern matches. A title of a table of
 * cases is tried with the strings and numbers of the file.
 */
export function hasTitle(text: string, pattern: RegExp): boolean {
  const said = pattern.source.replaceAll('\\', '')
  const values = new Set([...literalsOf(text), ...numbersOf(text)])
  const told = [...values].filter(
    (value) => value !== '' && (said.includes(value) || pattern.test(value)),
  )
  const titles = [...text.matchAll(TITLE)].map(([, opening = '', ...literal]) => ({
    // After `.each(…)` the word is not visible: it may be a group or a test.
    isGroup: opening.startsWith('describe') || opening === ')(',
    names: filledIn(unquoted(literal), told),
  }))
  const groups = titles.flatMap(({ isGroup, names }) => (isGroup ? names : []))
  return titles.some(({ names }) =>
    names.some(
      (name) => pattern.test(name) || groups.some((group) => pattern.test(`${group} ${name}`)),
    ),
  )
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

function filledIn(title: string, values: readonly string[]): string[] {
  const [first = '', ...rest] = title.split(PLACEHOLDER)
  return rest.reduce<string[]>(
    (starts, part) =>
      starts.flatMap((start) => [...values, ANY].map((value) => start + value + part)),
    [first],
  )
}
