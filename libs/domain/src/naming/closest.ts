/** A name that needs more changes than this is not a typing error. */
const CHANGES_MAX = 2
/** No name is longer; bounds the comparison. */
const LENGTH_MAX = 64
/** Names that a message lists in place of a suggestion. */
const LISTED_MAX = 16

/**
 * The name that a mistyped word most likely means; undefined if none is near. Capitals, `_` and `-` do not count
 * as differences.
 */
export function closest(word: string, names: readonly string[]): string | undefined {
  if (word.length > LENGTH_MAX) return undefined
  const plain = plainly(word)
  const ranked = names
    .map((name) => ({ name, changes: changesBetween(plain, plainly(name)) }))
    .filter(({ name, changes }) => changes <= Math.min(CHANGES_MAX, Math.floor(name.length / 2)))
    .toSorted((a, b) => a.changes - b.changes)
  return ranked[0]?.name
}

/** What to write in place of an unknown name: the name that was most likely meant, otherwise all names. */
export function correctionOf(word: string, names: readonly string[]): string {
  const near = closest(word, names)
  if (near !== undefined) return `did you mean "${near}"?`
  const listed = names.slice(0, LISTED_MAX).join(', ')
  return `the known names are ${listed}${names.length > LISTED_MAX ? ', …' : ''}`
}

function plainly(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '')
}

/** How many letters must be added, removed or replaced (Levenshtein). */
function changesBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1
      const replaced = (row[j - 1] ?? 0) + same
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced))
    }
    row = next
  }
  return row[to.length] ?? 0
}
