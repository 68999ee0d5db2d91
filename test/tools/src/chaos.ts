/**
 * `npm run chaos`: kills and freezes random processes of a fleet under load, and judges every task by the log.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { positive } from './bench/options.ts'
import { PARTS } from './chaos/faults.ts'
import { playChaos } from './chaos/play.ts'
import { showChaos } from './chaos/report.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'

const USAGE = `npm run chaos -- [flags]
  --minutes N        how long processes are killed and frozen (10)
  --every-ms N       time between two faults (2000)
  --rate N           tasks a second (45)
  --workers N        worker processes at the start (3)
  --only NAME,…      hits only these services and servers, such as worker,nats-server (all)
  --seed N           draws the same faults again (a random one)
  --json FILE        write all figures there`

const DEFAULTS = { minutes: 10, everyMs: 2_000, rate: 45, workers: 3 }
const SEEDS = 1_000_000

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function readOptions() {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      minutes: text,
      'every-ms': text,
      rate: text,
      workers: text,
      only: text,
      seed: text,
      json: text,
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  return {
    minutes: positive('--minutes', values.minutes, DEFAULTS.minutes),
    everyMs: positive('--every-ms', values['every-ms'], DEFAULTS.everyMs),
    rate: positive('--rate', values.rate, DEFAULTS.rate),
    workers: positive('--workers', values.workers, DEFAULTS.workers),
    seed: positive('--seed', values.seed, 1 + Math.floor(Math.random() * SEEDS)),
    only: namesOf(values.only),
    jsonFile: values.json,
  }
}

function namesOf(text: string | undefined): readonly string[] {
  const names = text?.split(',') ?? []
  const unknown = names.filter((name) => !PARTS.includes(name))
  if (unknown.length === 0) return names
  throw new Error(`--only knows ${PARTS.join(', ')}, not ${unknown.join(', ')}`)
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options === undefined) {
    say(USAGE)
    return
  }
  const { minutes, everyMs, rate, workers, seed } = options
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  say(`${minutes} min, a fault every ${everyMs} ms, ${rate} tasks/s, seed ${seed}`)
  const fleetOptions = {
    say,
    workers,
    simulators: 1,
    replicas: { gateway: 2 },
    // The fleet scales by itself as well, within bounds that this machine bears.
    env: { autoscaler: { SCALE_MIN: String(workers), SCALE_MAX: String(workers + 1) } },
    // Each fault is reported with its process; the end that it causes needs no line.
    onExit: () => undefined,
  }
  await withOwnFleet('chaos', fleetOptions, async (fleet) => {
    const figures = await playChaos(fleet, { ...options, say }, stop.signal)
    say(showChaos(figures))
    if (options.jsonFile !== undefined) {
      await writeFile(options.jsonFile, JSON.stringify(figures, undefined, 2))
    }
    if (!figures.sound) process.exitCode = 1
  })
}

await main()
