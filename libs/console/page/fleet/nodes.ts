import type { NodeView, ServerFrame } from '@agentfleet/protocol'
import { byId } from './layout.ts'

type NodesFrame = Extract<ServerFrame, { type: 'nodes' }>

/**
 * Applies a frame of the stream: changed nodes replace the nodes with the same id, and every cell keeps its
 * place.
 */
export function withNodes(
  before: readonly NodeView[],
  { all, nodes, gone }: Pick<NodesFrame, 'all' | 'nodes' | 'gone'>,
): readonly NodeView[] {
  if (all) return byId(nodes)
  const changed = new Map(nodes.map((node) => [node.id, node]))
  const lost = new Set(gone)
  const kept = before.flatMap((node) => {
    const next = changed.get(node.id)
    changed.delete(node.id)
    return lost.has(node.id) && next === undefined ? [] : [next ?? node]
  })
  return changed.size === 0 ? kept : byId([...kept, ...changed.values()])
}
