import { columnsOf, NODE_FIGURES, rowAt } from '@agentfleet/domain'
import type { NodeColumns, NodeView, ServerFrame } from '@agentfleet/protocol'
import { byId } from './layout.ts'

type NodesFrame = Extract<ServerFrame, { type: 'nodes' }>

/** What the map and the table show of a node. */
export type NodeFigures = { readonly [Figure in keyof NodeColumns]: NodeColumns[Figure][number] }

/** Returns the node at a place; the place is that of an id. */
export function nodeAt(columns: NodeColumns, at: number): NodeFigures {
  return { id: columns.id[at]!, ...rowAt(NODE_FIGURES, columns, at) }
}

/** The nodes as rows of a table; only the rows in view become objects. */
export function rowsOf(columns: NodeColumns) {
  return {
    length: columns.id.length,
    slice: (from: number, to: number): readonly NodeFigures[] =>
      columns.id.slice(from, to).map((_, index) => nodeAt(columns, from + index)),
  }
}

/** Returns these nodes as columns. */
export function nodeColumns(nodes: readonly (NodeFigures | NodeView)[]): NodeColumns {
  return { id: nodes.map(({ id }) => id), ...columnsOf(NODE_FIGURES, nodes) }
}

/**
 * Applies a frame of the stream: changed nodes replace the nodes with the same id, and every cell keeps its
 * place.
 */
export function withNodes(
  before: NodeColumns,
  { all, nodes, gone }: Pick<NodesFrame, 'all' | 'nodes' | 'gone'>,
): NodeColumns {
  if (all) return nodeColumns(byId(nodes))
  const changed = new Map<string, NodeFigures>(nodes.map((node) => [node.id, node]))
  const lost = new Set(gone)
  const kept = before.id.flatMap((id, at) => {
    const next = changed.get(id)
    changed.delete(id)
    return lost.has(id) && next === undefined ? [] : [next ?? nodeAt(before, at)]
  })
  return nodeColumns(changed.size === 0 ? kept : byId([...kept, ...changed.values()]))
}
