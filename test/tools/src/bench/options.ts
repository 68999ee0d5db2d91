import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { partsOf, positive } from '../command/flags.ts'

/** The parts of the benchmark, in the order they run. */
export const PARTS = ['throughput', 'llm', 'latency', 'inflight', 'failover', 'paid-twice'] as const
/** A part of the benchmark. */
export type Part = (typeof PARTS)[number]

/** The key of the callers: without limits, or with a rate limit. */
export type KeyKind = 'plain' | 'limited'

/** The measured parts, and their sizes. */
export interface BenchOptions {
  readonly parts: ReadonlySet<Part>
  readonly rounds: number
  readonly seconds: number
  readonly warmupSeconds: number
  readonly callers: number
  readonly workers: number
  readonly slots: number
  readonly ratePerSecond: number
  readonly inflight: number
  readonly kills: number
  readonly failoverTasks: number
  readonly paidTasks: number
  /** When the peer counts a job as stalled, and how often it checks, milliseconds. */
  readonly stalledMs: number
  /** The fleet demands keys; that of the callers has a rate limit, or none. */
  readonly keys: KeyKind | undefined
  readonly jsonFile: string | undefined
  readonly profileDir: string | undefined
}

/** The flags, for people. */
export const USAGE = `npm run bench -- [flags]
  --only PART,…      of ${PARTS.join(', ')}
  --rounds N         rounds of each side (7)
  --seconds N        length of a round (4)
  --callers N        callers that wait for their result (64)
  --workers N        worker processes of each side (2)
  --slots N          tasks that one worker runs at once (512)
  --rate N           tasks a second of the latency part (500)
  --inflight N       tasks in flight at one moment (20000)
  --kills N          workers killed in the failover part (3)
  --json FILE        write all figures there
  --keys KIND        the fleet demands keys; the callers use one without limits (plain), or
                     with a rate limit that they do not reach (limited)
  --profile DIR      CPU profiles of all services, for node's own tools
  --smoke            everything tiny: does it work at all?`

const DEFAULTS = {
  rounds: 7,
  seconds: 4,
  warmupSeconds: 3,
  callers: 64,
  workers: 2,
  slots: 512,
  rate: 500,
  inflight: 20_000,
  kills: 3,
  failoverTasks: 1_400,
  paidTasks: 400,
  /** BullMQ's own. */
  stalledMs: 30_000,
}
const SMOKE = {
  rounds: 1,
  seconds: 1,
  warmupSeconds: 0.5,
  callers: 16,
  workers: 2,
  slots: 512,
  rate: 100,
  inflight: 400,
  kills: 1,
  failoverTasks: 200,
  paidTasks: 40,
  stalledMs: 5_000,
}

/** Reads the flags; throws an error that names the fault. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      callers: { type: 'string' },
      workers: { type: 'string' },
      slots: { type: 'string' },
      rate: { type: 'string' },
      inflight: { type: 'string' },
      kills: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
      keys: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const base = values.smoke ? SMOKE : DEFAULTS
  const number = (name: keyof typeof values & keyof typeof DEFAULTS): number =>
    positive(`--${name}`, values[name], base[name])
  return {
    parts: new Set(partsOf(PARTS, values.only)),
    rounds: number('rounds'),
    seconds: number('seconds'),
    warmupSeconds: base.warmupSeconds,
    callers: number('callers'),
    workers: number('workers'),
    slots: number('slots'),
    ratePerSecond: number('rate'),
    inflight: number('inflight'),
    kills: number('kills'),
    failoverTasks: base.failoverTasks,
    paidTasks: base.paidTasks,
    stalledMs: base.stalledMs,
    keys: keyKindOf(values.keys),
    jsonFile: values.json === undefined ? undefined : resolve(values.json),
    profileDir: values.profile === undefined ? undefined : resolve(values.profile),
  }
}

function keyKindOf(text: string | undefined): KeyKind | undefined {
  if (text === undefined || text === 'plain' || text === 'limited') return text
  throw new Error(`--keys must be plain or limited, got ${text}`)
}
