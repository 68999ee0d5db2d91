import type { Level } from '@agentfleet/domain'
import type { VirtualClock } from './clock.ts'
import type { Scenario } from './scenarios.ts'
import type { SimTask } from './world.ts'
import { normal } from '../random.ts'

/** Service times are lognormal: mean 4 s, sigma 1.2, as measured for LLM agents. */
const MEAN_MS = 4_000
const SIGMA = 1.2
/** Tasks arrive in groups of this many on average: clients submit lists. */
const GROUP_MEAN = 3
const UNITS: Record<Level, number> = { low: 0.5, medium: 1, high: 4 }

/** Sends the tasks of a scenario, the same ones for the same seed, until its end. */
export function startArrivals(
  clock: VirtualClock,
  scenario: Scenario,
  random: () => number,
  arrive: (task: SimTask) => void,
): void {
  const classes = scenario.classes ?? { medium: 1 }
  const entries = Object.entries(classes) as [Level, number][]
  // A task's need of the scarcer of slots and processor.
  const units = entries.reduce((sum, [level, share]) => sum + share * UNITS[level], 0)
  const able = scenario.nodes.reduce((sum, { slots, speed }) => sum + slots * speed, 0)
  const perMs = (scenario.load * able) / (MEAN_MS * Math.max(1, units))
  let id = 0

  const pickClass = (): Level => {
    let left = random()
    for (const [level, share] of entries) {
      left -= share
      if (left < 0) return level
    }
    return entries[0]![0]
  }
  const next = (): void => {
    const groupsPerMs = (perMs * intensity(scenario, clock.nowMs())) / GROUP_MEAN
    clock.after(-Math.log(1 - random()) / groupsPerMs, () => {
      if (clock.nowMs() > scenario.lengthMs) return
      const group = 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - 1 / GROUP_MEAN))
      for (let index = 0; index < group; index += 1) {
        const workMs = MEAN_MS * Math.exp(SIGMA * normal(random) - (SIGMA * SIGMA) / 2)
        const cpu = pickClass()
        const times = { readyAtMs: clock.nowMs(), waitedMs: 0 }
        id += 1
        arrive({ id, workMs, cpu, memory: 'low', priority: 'medium', ...times })
      }
      next()
    })
  }
  next()
}

/** The present factor of the mean arrivals. */
function intensity({ burst }: Scenario, nowMs: number): number {
  if (burst === undefined) return 1
  const { factor, onMs, periodMs } = burst
  if (nowMs % periodMs < onMs) return factor
  return (periodMs - factor * onMs) / (periodMs - onMs)
}
