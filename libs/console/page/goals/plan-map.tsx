import type { PlanView } from '@agentfleet/protocol'
import { layersOf } from './dag.ts'

type Step = PlanView['steps'][number]

const WIDTH = 150
const HEIGHT = 32
const GAP_X = 48
const GAP_Y = 12
/** Characters of a step's name that fit. */
const NAME_CHARS = 18

/** A plan as boxes and arrows, from left to right; the table below has the same steps. */
export function PlanMap({ steps }: { steps: readonly Step[] }) {
  const placed = layersOf(steps)
  const places = new Map(placed.map(({ step, layer, row }) => [step.id, at(layer, row)]))
  const right = Math.max(0, ...[...places.values()].map(({ x }) => x))
  const bottom = Math.max(0, ...[...places.values()].map(({ y }) => y))
  if (steps.length === 0) return null
  return (
    <div class="scroll plan" tabIndex={0} role="region" aria-label="Map of the plan">
      <svg width={right + WIDTH + 2} height={bottom + HEIGHT + 2} aria-hidden="true">
        {placed.flatMap(({ step }) =>
          step.dependsOn.map((before) => {
            const [from, to] = [places.get(before), places.get(step.id)]
            if (from === undefined || to === undefined) return null
            const [x, y] = [from.x + WIDTH, from.y + HEIGHT / 2]
            const bend = GAP_X / 2
            const end = to.y + HEIGHT / 2
            return (
              <path
                key={`${before} ${step.id}`}
                class="arrow"
                d={`M${x} ${y}C${x + bend} ${y} ${to.x - bend} ${end} ${to.x} ${end}`}
              />
            )
          }),
        )}
        {placed.map(({ step, layer, row }) => {
          const { x, y } = at(layer, row)
          return (
            <g key={step.id} class={step.state ?? 'planned'}>
              <rect x={x} y={y} width={WIDTH} height={HEIGHT} rx="4" />
              <text x={x + 8} y={y + 20}>
                {step.id.slice(0, NAME_CHARS)}
              </text>
            </g>
          )
        })}
      </svg>
    </div>
  )
}

function at(layer: number, row: number): { readonly x: number; readonly y: number } {
  return { x: 1 + layer * (WIDTH + GAP_X), y: 1 + row * (HEIGHT + GAP_Y) }
}
