/** A name that needs more changes than this is not a typing error. */
const CHANGES_MAX = 2

/** The name that a mistyped word most likely means; undefined if none is near. */
export function closest(word: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, changes: changesBetween(word, name) }))
    .toSorted((a, b) => a.changes - b.changes)
  const [first] = ranked
  return first !== undefined && first.changes <= CHANGES_MAX ? first.name : undefined
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
