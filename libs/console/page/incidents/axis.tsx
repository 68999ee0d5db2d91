import { duration } from '@agentfleet/domain'
import { placesOf } from './places.ts'
import type { Stage } from './stages.ts'

const WIDTH = 760
const HEIGHT = 84
const LINE_Y = 42
/** The names of the first and the last stage need this on both sides. */
const EDGE = 80
/** The shortest distance of two stages: room for the time between them. */
const GAP = 88
/** Characters of a stage's name that fit above every second stage. */
const NAME_CHARS = 24

/** The stages of an incident on one axis of time; the table below has the same stages. */
export function Axis({ stages }: { stages: readonly Stage[] }) {
  const places = placesOf(
    stages.map(({ atMs }) => atMs),
    WIDTH - 2 * EDGE,
    GAP,
  ).map((place) => place + EDGE)
  return (
    <div class="scroll plan axis" tabIndex={0} role="region" aria-label="Axis of time">
      <svg width={WIDTH} height={HEIGHT} aria-hidden="true">
        <path class="arrow" d={`M${EDGE} ${LINE_Y}H${WIDTH - EDGE}`} />
        {stages.map(({ name, atMs }, index) => {
          const x = places[index] ?? 0
          const next = places[index + 1]
          const nextMs = stages[index + 1]?.atMs
          return (
            <g key={name}>
              <circle cx={x} cy={LINE_Y} r="5" />
              <text x={x} y={index % 2 === 0 ? 16 : HEIGHT - 10}>
                {name.slice(0, NAME_CHARS)}
              </text>
              {next !== undefined && nextMs !== undefined && (
                <text x={(x + next) / 2} y={LINE_Y - 6} class="between">
                  {duration(nextMs - atMs)}
                </text>
              )}
            </g>
          )
        })}
      </svg>
      <p class="muted">Stages that are close in time are drawn further apart.</p>
    </div>
  )
}
