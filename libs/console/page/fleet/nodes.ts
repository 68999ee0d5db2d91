import type { NodeColumns, NodeView, ServerFrame } from '@agentfleet/protocol'
import { byId } from './layout.ts'

type NodesFrame = Extract<ServerFrame, { type: 'nodes' }>

/** What the map and the table show of a node. */
export type NodeFigures = { readonly [Figure in keyof NodeColumns]: NodeColumns[Figure][number] }

/** Returns the node at a place; the place is that of an id. */
export function nodeAt(columns: NodeColumns, at: number): NodeFigures {
  return {
    id: columns.id[at]!,
    state: columns.state[at]!,
    draining: columns.draining[at]!,
    slots: columns.slots[at]!,
    active: columns.active[at]!,
    queued: columns.queued[at]!,
    cpu: columns.cpu[at]!,
    memory: columns.memory[at]!,
    lagMs: columns.lagMs[at]!,
    responseMs: columns.responseMs[at]!,
    completed: columns.completed[at]!,
    failed: columns.failed[at]!,
    heartbeatAgeMs: columns.heartbeatAgeMs[at]!,
  }
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
export function columnsOf(nodes: readonly (NodeFigures | NodeView)[]): NodeColumns {
  return {
    id: nodes.map(({ id }) => id),
    state: nodes.map(({ state }) => state),
    draining: nodes.map(({ draining }) => draining),
    slots: nodes.map(({ slots }) => slots),
    active: nodes.map(({ active }) => active),
    queued: nodes.map(({ queued }) => queued),
    cpu: nodes.map(({ cpu }) => cpu),
    memory: nodes.map(({ memory }) => memory),
    lagMs: nodes.map(({ lagMs }) => lagMs),
    responseMs: nodes.map(({ responseMs }) => responseMs),
    completed: nodes.map(({ completed }) => completed),
    failed: nodes.map(({ failed }) => failed),
    heartbeatAgeMs: nodes.map(({ heartbeatAgeMs }) => heartbeatAgeMs),
  }
}

/**
 * Applies a frame of the stream: changed nodes replace the nodes with the same id, and every cell keeps its
 * place.
 */
export function withNodes(
  before: NodeColumns,
  { all, nodes, gone }: Pick<NodesFrame, 'all' | 'nodes' | 'gone'>,
): NodeColumns {
  if (all) return columnsOf(byId(nodes))
  const changed = new Map<string, NodeFigures>(nodes.map((node) => [node.id, node]))
  const lost = new Set(gone)
  const kept = before.id.flatMap((id, at) => {
    const next = changed.get(id)
    changed.delete(id)
    return lost.has(id) && next === undefined ? [] : [next ?? nodeAt(before, at)]
  })
  return columnsOf(changed.size === 0 ? kept : byId([...kept, ...changed.values()]))
}
