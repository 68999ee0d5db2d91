import type { NodeView } from '@agentfleet/protocol'

/** Steps of the colour ramp. */
export const LOAD_STEPS = 5

/** A delay of the event loop that fills the ramp, milliseconds: the node answers late. */
const LAG_FULL_MS = 200

/** What the colour of a cell can mean. */
export const FILLS = ['load', 'cpu', 'memory', 'loop delay', 'failures'] as const
/** One meaning of the colour. */
export type Fill = (typeof FILLS)[number]

type Figures = Pick<
  NodeView,
  'active' | 'slots' | 'cpu' | 'memory' | 'lagMs' | 'completed' | 'failed'
>

/** Returns the step of a node, from 1 (idle, nothing) to LOAD_STEPS (every slot used, or the whole share). */
export function stepOf(node: Figures, fill: Fill): number {
  switch (fill) {
    case 'load':
      return loadStep(node)
    case 'cpu':
      return shareStep(node.cpu)
    case 'memory':
      return shareStep(node.memory)
    case 'loop delay':
      return shareStep(node.lagMs / LAG_FULL_MS)
    case 'failures':
      return shareStep(node.failed / Math.max(1, node.failed + node.completed))
  }
}

function shareStep(share: number): number {
  return Math.min(LOAD_STEPS, 1 + Math.floor(Math.max(0, share) * LOAD_STEPS))
}

function loadStep({ active, slots }: Pick<NodeView, 'active' | 'slots'>): number {
  if (active <= 0) return 1
  if (slots <= 0 || active >= slots) return LOAD_STEPS
  return 1 + Math.ceil((active / slots) * (LOAD_STEPS - 2))
}
