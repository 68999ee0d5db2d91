/** The grid of cells: one for each node, in the order of the ids. */
export interface Grid {
  readonly columns: number
  readonly rows: number
  /** The side of a cell, pixels. */
  readonly cell: number
  /** From one cell to the next, pixels. */
  readonly pitch: number
}

/** A cell and its gap by the number of nodes, pixels. */
const SIZES = [
  { upTo: 200, cell: 24, gap: 4 },
  { upTo: 1_500, cell: 14, gap: 3 },
  { upTo: Infinity, cell: 8, gap: 2 },
] as const

/** Returns the grid for this many nodes in a box of this width. */
export function gridOf(nodes: number, widthPx: number): Grid {
  const { cell, gap } = SIZES.find(({ upTo }) => nodes <= upTo) ?? SIZES[2]
  const pitch = cell + gap
  const columns = Math.max(1, Math.min(Math.floor(widthPx / pitch), nodes))
  return { columns, rows: Math.ceil(nodes / columns), cell, pitch }
}

/** Returns the number of the cell at a point; undefined between cells. */
export function cellAt({ columns, pitch, cell }: Grid, x: number, y: number): number | undefined {
  const column = Math.floor(x / pitch)
  if (x < 0 || y < 0 || column >= columns || x % pitch > cell || y % pitch > cell) return undefined
  return Math.floor(y / pitch) * columns + column
}

/** Returns the cell to which a key moves the cursor; undefined for other keys. */
export function movedBy(
  key: string,
  at: number,
  { columns }: Grid,
  nodes: number,
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    Home: -at,
    End: nodes - 1 - at,
  }
  const step = steps[key]
  if (step === undefined) return undefined
  const next = at + step
  // The cursor does not leave the grid.
  return next < 0 || next >= nodes ? at : next
}

/** Sorts by id; a list that is already in order is returned unchanged. */
export function byId<Node extends { readonly id: string }>(
  nodes: readonly Node[],
): readonly Node[] {
  const ordered = nodes.every((node, at) => at === 0 || nodes[at - 1]!.id <= node.id)
  return ordered ? nodes : nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
