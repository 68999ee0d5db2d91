import { resolve } from 'node:path'
import { partsOf, readFlags, WrongUse } from '../command/flags.ts'

/** The parts of the benchmark, in the order they run. */
export const PARTS = ['throughput', 'llm', 'latency', 'inflight', 'failover', 'paid-twice'] as const
/** A part of the benchmark. */
export type Part = (typeof PARTS)[number]

/** The key of the callers: without limits, or with a rate limit. */
export type KeyKind = 'plain' | 'limited'

/** The measured parts, and their sizes. */
export interface BenchOptions extends Readonly<typeof FLAGS>, Readonly<typeof SIZES> {
  readonly parts: ReadonlySet<Part>
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

const FLAGS = {
  rounds: 7,
  seconds: 4,
  callers: 64,
  workers: 2,
  slots: 512,
  /** Tasks a second. */
  rate: 500,
  inflight: 20_000,
  kills: 3,
}
const SMOKE_FLAGS = {
  ...FLAGS,
  rounds: 1,
  seconds: 1,
  callers: 16,
  rate: 100,
  inflight: 400,
  kills: 1,
}
const SIZES = {
  warmupSeconds: 3,
  failoverTasks: 1_400,
  paidTasks: 400,
  /** When the peer counts a job as stalled, and how often it checks: BullMQ's own value, milliseconds. */
  stalledMs: 30_000,
}
const SMOKE_SIZES = { warmupSeconds: 0.5, failoverTasks: 200, paidTasks: 40, stalledMs: 5_000 }

/** Reads the flags; throws a WrongUse. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const smoke = args.includes('--smoke')
  const values = readFlags(args, {
    numbers: smoke ? SMOKE_FLAGS : FLAGS,
    texts: ['only', 'json', 'profile', 'keys'],
    switches: ['smoke'],
  })
  if (values === 'help') return 'help'
  const { only, json, profile, keys, smoke: _smoke, ...numbers } = values
  return {
    ...numbers,
    ...(smoke ? SMOKE_SIZES : SIZES),
    parts: new Set(partsOf(PARTS, only)),
    keys: keyKindOf(keys),
    jsonFile: json === undefined ? undefined : resolve(json),
    profileDir: profile === undefined ? undefined : resolve(profile),
  }
}

function keyKindOf(text: string | undefined): KeyKind | undefined {
  if (text === undefined || text === 'plain' || text === 'limited') return text
  throw new WrongUse(`--keys must be plain or limited, got ${text}`)
}
