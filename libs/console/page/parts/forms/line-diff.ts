import { readable } from '../../format/format.ts'

/** One line of a comparison. */
export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** Comparisons of lines that one diff may cost; above this bound the diff shows all lines as replaced. */
const CELLS_MAX = 4_000_000

/** Compares two texts line by line: the longest common lines stay, the other lines are removed or added. */
export function diffOf(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  if (before.length * after.length > CELLS_MAX) {
    return [...before.map(line('removed')), ...after.map(line('added'))]
  }
  const width = after.length + 1
  // common[i * width + j]: the length of the longest common part of the rests from i and j.
  const common = new Uint16Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        before[i] === after[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!)
    }
  }
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const [old, next] = [before[i], after[j]]
    if (old !== undefined && old === next) {
      lines.push({ kind: 'same', text: old })
      i += 1
      j += 1
    } else if (
      next === undefined ||
      (old !== undefined && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    ) {
      lines.push({ kind: 'removed', text: old ?? '' })
      i += 1
    } else {
      lines.push({ kind: 'added', text: next })
      j += 1
    }
  }
  return lines
}

function line(kind: DiffLine['kind']): (text: string) => DiffLine {
  return (text) => ({ kind, text })
}

/** Writes a definition as lines; a text of several lines keeps them, so that a diff shows which one changed. */
export function linesOf(definition: object): readonly string[] {
  return Object.entries(definition)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => {
      const text = readable(value)
      const lines = text.split('\n')
      return lines.length === 1
        ? [`${name}: ${text}`]
        : [`${name}:`, ...lines.map((each) => `  ${each}`)]
    })
}
