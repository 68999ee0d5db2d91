import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import { SCALE_LIMITS } from '@agentfleet/domain'
import { partsOf, readFlags, WrongUse } from '../command/flags.ts'
import type { ScalingOptions } from './scaling/scaling.ts'

/** The parts of the simulation, in the order they run. */
export const PARTS = ['balancing', 'scaling'] as const
/** A part of the simulation. */
export type Part = (typeof PARTS)[number]

/** The settings of the simulation. */
export interface SimulateOptions extends Omit<ScalingOptions, 'trace'> {
  readonly parts: ReadonlySet<Part>
  /** Placement over this many seeds from `seed` on. */
  readonly seeds: number
  readonly traceFile: string
  readonly plotFile: string | undefined
  readonly grid: boolean
  readonly smoke: boolean
}

const DAY_S = 86_400
/** A load made by chance: two days with a rhythm, noise and jumps. */
const OWN_TRACE = fileURLToPath(new URL('../../../data/load.csv', import.meta.url))

const DEFAULTS = {
  seed: 1,
  seeds: 1,
  days: 14,
  /** An agent's task is a few calls of a few seconds. */
  service: 30,
  /** Ten times the median is one in a hundred. */
  sigma: 1,
  slots: 32,
  startup: SCALE_LIMITS.startupMs / 1_000,
  wait: SCALE_LIMITS.waitTargetMs / 1_000,
  min: SCALE_LIMITS.nodesMin,
  max: SCALE_LIMITS.nodesMax,
  goal: 99,
}
/** Days that a smoke test simulates. */
const SMOKE_DAYS = 0.25

/** The flags, for people. */
export const USAGE = `npm run prove -- simulate [flags]
  --only PART,…      of ${PARTS.join(', ')}
  --seed N           everything random follows from it (${DEFAULTS.seed})
  --smoke            everything short: does it work at all?
balancing:
  --seeds N          over N seeds: the worst of each scenario only
scaling:
  --trace FILE       CSV with start_s,rate_per_s or TIMESTAMP,ContextTokens,GeneratedTokens (a load of our own);
                     its rates are scaled so that its peak just fits the largest fleet
  --days N           only the first N days of it (${DEFAULTS.days})
  --service N        mean service time of a task, seconds (${DEFAULTS.service})
  --sigma N          of its lognormal distribution (${DEFAULTS.sigma})
  --slots N          tasks that one node runs at once (${DEFAULTS.slots})
  --startup N        seconds from asking for a node until it serves (${DEFAULTS.startup})
  --wait N           wait target: a task should start within so many seconds (${DEFAULTS.wait})
  --min N, --max N   nodes (${DEFAULTS.min}, ${DEFAULTS.max})
  --goal N           percent of the tasks to be started in time (${DEFAULTS.goal})
  --grid             over a grid of service times, slots and start-up times instead
  --plot FILE.svg    draw the node counts there`

/** Reads the flags; throws a WrongUse. */
export function readSimulateOptions(args: readonly string[]): SimulateOptions | 'help' {
  const values = readFlags(args, {
    numbers: DEFAULTS,
    texts: ['only', 'trace', 'plot'],
    switches: ['grid', 'smoke'],
  })
  if (values === 'help') return 'help'
  const { days, min, max, trace, plot } = values
  if (min > max) throw new WrongUse(`--min ${min} is above --max ${max}`)
  const short = values.smoke && !args.some((arg) => arg.startsWith('--days'))
  return {
    parts: new Set(partsOf(PARTS, values.only)),
    seed: values.seed,
    seeds: whole('--seeds', values.seeds),
    traceFile: trace === undefined ? OWN_TRACE : resolve(trace),
    plotFile: plot === undefined ? undefined : resolve(plot),
    grid: values.grid,
    smoke: values.smoke,
    seconds: (short ? SMOKE_DAYS : days) * DAY_S,
    serviceS: values.service,
    sigma: values.sigma,
    slots: whole('--slots', values.slots),
    startupS: values.startup,
    waitTargetS: values.wait,
    nodesMin: whole('--min', min),
    nodesMax: whole('--max', max),
    goal: values.goal / 100,
  }
}

function whole(flag: string, value: number): number {
  if (!Number.isInteger(value)) throw new WrongUse(`${flag} must be a whole number, got ${value}`)
  return value
}
