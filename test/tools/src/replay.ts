/** `npm run prove -- replay`: plays a recorded LLM trace against a fleet and compares what was sent with the log. */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readFleetAccess, type FleetAccess } from './audit.ts'
import { positive } from './bench/options.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'
import { playTrace, type PlayOptions } from './replay/play.ts'
import { describePlay } from './replay/report.ts'
import { readTrace } from './replay/trace.ts'

const USAGE = `npm run prove -- replay --trace FILE [flags]
  --trace FILE       CSV with TIMESTAMP,ContextTokens,GeneratedTokens
  --speed N          times faster than recorded (20)
  --workers N        worker processes of the fleet that is started (2)
  --limit N          only the first N rows
  --fleet FILE       a running fleet's fleet.json, instead of one of our own`

const DEFAULT_SPEED = 20
const DEFAULT_WORKERS = 2
/** A whole day of the busiest public trace is below this. */
const ROWS_MAX = 10_000_000

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trace: { type: 'string' },
      speed: { type: 'string' },
      workers: { type: 'string' },
      limit: { type: 'string' },
      fleet: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || values.trace === undefined) {
    say(USAGE)
    process.exitCode = values.help ? 0 : 1
    return
  }
  const speed = positive('--speed', values.speed, DEFAULT_SPEED)
  const workers = positive('--workers', values.workers, DEFAULT_WORKERS)
  const limit = positive('--limit', values.limit, ROWS_MAX)
  const rows = await readTrace(resolve(values.trace), limit)
  if (rows.length === 0) throw new Error(`${values.trace} holds no rows`)
  const play = (access: FleetAccess) => playAndReport(access, { rows, speed, run: randomUUID() })
  if (values.fleet !== undefined) await play(await readFleetAccess(resolve(values.fleet)))
  else {
    await withOwnFleet('replay', { say, workers, simulators: 1 }, async (_fleet, dir) => {
      await play(await readFleetAccess(dir))
    })
  }
}

async function playAndReport(
  access: FleetAccess,
  options: Omit<PlayOptions, 'say'>,
): Promise<void> {
  const figures = await playTrace(access, { ...options, say })
  say(describePlay(figures))
  const { violations, unfinished } = figures.findings
  if (violations.length > 0 || unfinished.length > 0 || figures.refused > 0) process.exitCode = 1
}

await main()
