/**
 * `npm run chaos`: kills and freezes random processes of a fleet under load, and judges every task by the log.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { partsOf, readFlags, runCommand, say } from './command/flags.ts'
import { PARTS } from './chaos/faults.ts'
import { playChaos } from './chaos/play.ts'
import { showChaos } from './chaos/report.ts'
import { TOOLS_DIR } from './chaos/scripts.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'
import type { MadeCall } from './invariants/effects.ts'

const USAGE = `npm run chaos -- [flags]
  --minutes N        how long processes are killed and frozen (10)
  --every-ms N       time between two faults (2000)
  --rate N           tasks a second (45)
  --workers N        worker processes at the start (3)
  --only NAME,…      hits only these services and servers, such as worker,nats-server (all)
  --seed N           draws the same faults again (a random one)
  --json FILE        write all figures there`

const SEEDS = 1_000_000
const DEFAULTS = {
  minutes: 10,
  'every-ms': 2_000,
  rate: 45,
  workers: 3,
  seed: 1 + Math.floor(Math.random() * SEEDS),
}

interface Options {
  readonly minutes: number
  readonly everyMs: number
  readonly rate: number
  readonly workers: number
  readonly seed: number
  readonly only: readonly string[]
  readonly jsonFile: string | undefined
}

async function main(options: Options): Promise<void> {
  const { minutes, everyMs, rate, workers, seed } = options
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  say(`${minutes} min, a fault every ${everyMs} ms, ${rate} tasks/s, seed ${seed}`)
  const folder = await mkdtemp(join(tmpdir(), 'agentfleet-chaos-tools-'))
  const toolLog = join(folder, 'log')
  await writeFile(toolLog, '')
  const fleetOptions = {
    workers,
    replicas: { gateway: 2 },
    // The autoscaler also changes the number of nodes, within bounds that this machine can carry.
    env: {
      autoscaler: { SCALE_MIN: String(workers), SCALE_MAX: String(workers + 1) },
      worker: { TOOLS_DIR, TOOL_LOG: toolLog },
    },
    // Each fault is reported with its process; the end that it causes needs no line.
    onExit: () => undefined,
  }
  try {
    await withOwnFleet('chaos', fleetOptions, async (fleet) => {
      const figures = await playChaos(fleet, options, stop.signal, () => madeCallsIn(toolLog))
      say(showChaos(figures))
      if (options.jsonFile !== undefined) {
        await writeFile(options.jsonFile, JSON.stringify(figures, undefined, 2))
      }
      if (!figures.sound) process.exitCode = 1
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The calls of `pay_out`, which writes a line for each: `TASK.STEP paid AMOUNT`. */
async function madeCallsIn(toolLog: string): Promise<MadeCall[]> {
  const text = await readFile(toolLog, 'utf8')
  return [...text.matchAll(/^([\w-]+)\.(\d+) paid/gm)].map(([, taskId = '', step]) => ({
    taskId,
    step: Number(step),
  }))
}

await runCommand(
  USAGE,
  (args) => readFlags(args, { numbers: DEFAULTS, texts: ['only', 'json'] }),
  async (values) => {
    const { only, json, 'every-ms': everyMs, ...sizes } = values
    const chosen = only === undefined ? [] : partsOf(PARTS, only)
    await main({ ...sizes, everyMs, only: chosen, jsonFile: json })
  },
)
