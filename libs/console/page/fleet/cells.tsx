import type { NodeView } from '@agentfleet/protocol'
import { shownState } from '../now/health.ts'
import { open } from '../shell/router.ts'
import { loadStep } from './load-step.ts'

const CELL = 20
const GAP = 4
const PER_ROW = 40

/** One cell for each node, always in the same order; the table below has the same figures. */
export function Cells({ nodes }: { nodes: readonly NodeView[] }) {
  if (nodes.length === 0) return null
  const rows = Math.ceil(nodes.length / PER_ROW)
  const columns = Math.min(PER_ROW, nodes.length)
  const size = CELL + GAP
  return (
    <svg
      class="cells"
      viewBox={`0 0 ${columns * size} ${rows * size}`}
      width={columns * size}
      aria-hidden="true"
    >
      {nodes.map((node, index) => {
        const state = shownState(node)
        return (
          <g
            key={node.id}
            transform={`translate(${(index % PER_ROW) * size} ${Math.floor(index / PER_ROW) * size})`}
            onClick={() => open('fleet', node.id)}
          >
            <title>{`${node.id}: ${state}, ${node.active} of ${node.slots} slots used`}</title>
            <rect class={`cell load-${loadStep(node)}`} width={CELL} height={CELL} x="1" y="1" />
            {state !== 'alive' && <path class={`sign ${state}`} d="M5 5 17 17M17 5 5 17" />}
          </g>
        )
      })}
    </svg>
  )
}
