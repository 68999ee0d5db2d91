import type { NodeColumns } from '@agentfleet/protocol'

/** Steps of the colour ramp. */
export const LOAD_STEPS = 5

/** A delay of the event loop that fills the ramp, milliseconds: the node answers late. */
const LAG_FULL_MS = 200

/** What the colour of a cell can mean. */
export const FILLS = ['load', 'cpu', 'memory', 'loop delay', 'failures'] as const
/** One meaning of the colour. */
export type Fill = (typeof FILLS)[number]

/** Returns the step of the node at a place, from 1 (idle, nothing) to LOAD_STEPS (every slot used, or the whole share). */
export function stepOf(nodes: NodeColumns, at: number, fill: Fill): number {
  switch (fill) {
    case 'load':
      return loadStep(nodes.active[at] ?? 0, nodes.slots[at] ?? 0)
    case 'cpu':
      return shareStep(nodes.cpu[at] ?? 0)
    case 'memory':
      return shareStep(nodes.memory[at] ?? 0)
    case 'loop delay':
      return shareStep((nodes.lagMs[at] ?? 0) / LAG_FULL_MS)
    case 'failures': {
      const failed = nodes.failed[at] ?? 0
      return shareStep(failed / Math.max(1, failed + (nodes.completed[at] ?? 0)))
    }
  }
}

function shareStep(share: number): number {
  return Math.min(LOAD_STEPS, 1 + Math.floor(Math.max(0, share) * LOAD_STEPS))
}

function loadStep(active: number, slots: number): number {
  if (active <= 0) return 1
  if (slots <= 0 || active >= slots) return LOAD_STEPS
  return 1 + Math.ceil((active / slots) * (LOAD_STEPS - 2))
}
