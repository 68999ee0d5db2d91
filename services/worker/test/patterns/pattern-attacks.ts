import { EXAMPLES_MAX, type Node } from './pattern-tree.ts'

/**
 * Texts that make a pattern slow if it can be made slow: for each of its repetitions, what stands before
 * it, and then what it repeats, many times, so that the rest never follows.
 */

/** A text, and the text that is repeated behind it. */
export interface Attack {
  readonly before: string
  readonly unit: string
}

/** Repetitions up to this number cost only a constant factor, even one within another. */
const FEW = 32

/** Returns the attacks on a pattern. */
export function attacksOn(tree: Node): readonly Attack[] {
  const found = new Map<string, Attack>()
  const add = (before: string, unit: string): void => {
    if (unit !== '') found.set(JSON.stringify([before, unit]), { before, unit })
  }
  const visit = (node: Node, before: readonly string[]): void => {
    if (node.kind === 'one') for (const inner of node.nodes) visit(inner, before)
    if (node.kind === 'ahead') visit(node.node, before)
    if (node.kind === 'all') {
      let starts = before
      for (const inner of node.nodes) {
        visit(inner, starts)
        starts = joined(starts, examplesOf(inner))
      }
    }
    if (node.kind !== 'repeat') return
    visit(node.node, before)
    if (node.max <= FEW) return
    for (const start of before) {
      add('', start)
      for (const unit of examplesOf(node.node)) {
        add(start, unit)
        add('', start + unit)
      }
    }
  }
  visit(tree, [''])
  return [...found.values()]
}

function examplesOf(node: Node): readonly string[] {
  switch (node.kind) {
    case 'character':
      return node.examples
    case 'place':
    case 'ahead':
    case 'nothing':
      return ['']
    case 'one':
      return node.nodes.flatMap(examplesOf).slice(0, 2 * EXAMPLES_MAX)
    case 'all':
      return node.nodes.reduce<readonly string[]>(
        (starts, inner) => joined(starts, examplesOf(inner)),
        [''],
      )
    case 'repeat': {
      const inner = examplesOf(node.node)
      return node.min === 0 ? ['', ...inner] : inner.map((text) => text.repeat(node.min))
    }
  }
}

/** Each start with one of the ends: all combinations would be too many. */
function joined(starts: readonly string[], ends: readonly string[]): readonly string[] {
  return Array.from(
    { length: Math.min(2 * EXAMPLES_MAX, Math.max(starts.length, ends.length)) },
    (_, at) => `${starts[at % starts.length]}${ends[at % ends.length]}`,
  )
}
