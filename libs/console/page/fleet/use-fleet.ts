import { useEffect, useState } from 'preact/hooks'
import type { FleetView, NodeView } from '@agentfleet/protocol'
import { useRead, type Loaded } from '../api/load.ts'
import { streaming, useStream } from '../api/socket.ts'
import { byId } from './layout.ts'
import { withNodes } from './nodes.ts'

/** While the stream sends the nodes, the rest of the fleet is read more rarely, milliseconds. */
const STREAMED_EVERY_MS = 10_000
const POLLED_EVERY_MS = 2_000

/** The fleet with its nodes in the order of their ids; nodes that change arrive over the stream. */
export function useFleet(): { loaded: Loaded<FleetView>; nodes: readonly NodeView[] } {
  const loaded = useRead<FleetView>(
    '/v1/fleet?history=false',
    streaming.value ? STREAMED_EVERY_MS : POLLED_EVERY_MS,
  )
  const [nodes, setNodes] = useState<readonly NodeView[]>([])
  const { value } = loaded
  useEffect(() => {
    if (value !== undefined) setNodes(byId(value.nodes))
  }, [value])
  useStream({ type: 'subscribe', fleet: ['nodes'] }, (frame) => {
    if (frame.type === 'nodes') setNodes((before) => withNodes(before, frame))
  })
  return { loaded, nodes }
}
