import { useEffect, useState } from 'preact/hooks'
import type { FleetView, NodeColumns } from '@agentfleet/protocol'
import { useRead, type Loaded } from '../api/load.ts'
import { POLLED_EVERY_MS, STREAMED_EVERY_MS, streaming, useStream } from '../api/socket.ts'
import { nodeColumns, withNodes } from './nodes.ts'

/**
 * Nodes that the page follows over the stream. Most nodes of a busy fleet change with every heartbeat; frames with all
 * of them, twice a second, cost the page more than the columns of a larger fleet every two seconds.
 */
const STREAMED_NODES_MAX = 1_000
const NONE = nodeColumns([])

/** The fleet with its nodes in the order of their ids; in a fleet that is not large, changes arrive over the stream. */
export function useFleet(): { loaded: Loaded<FleetView>; nodes: NodeColumns } {
  const [nodes, setNodes] = useState(NONE)
  const follows = nodes.id.length > 0 && nodes.id.length <= STREAMED_NODES_MAX
  const loaded = useRead<FleetView>(
    '/v1/fleet?history=false&nodes=columns',
    follows && streaming.value ? STREAMED_EVERY_MS : POLLED_EVERY_MS,
    'nodes',
  )
  const { value } = loaded
  useEffect(() => {
    if (value !== undefined) setNodes(value.nodeColumns ?? nodeColumns(value.nodes))
  }, [value])
  useStream(follows ? { type: 'subscribe', fleet: ['nodes'] } : undefined, (frame) => {
    if (frame.type === 'nodes') setNodes((before) => withNodes(before, frame))
  })
  return { loaded, nodes }
}
