/** `npm run prove -- replay`: plays a recorded LLM trace against a fleet and compares what was sent with the log. */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { readFleetAccess, type FleetAccess } from './audit.ts'
import { readFlags, runCommand, say, WrongUse } from './command/flags.ts'
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

/** A whole day of the busiest public trace has fewer rows than the limit. */
const DEFAULTS = { speed: 20, workers: 2, limit: 10_000_000 }
type Options = typeof DEFAULTS & {
  readonly trace: string | undefined
  readonly fleet: string | undefined
}

async function main({ trace, fleet, speed, workers, limit }: Options): Promise<void> {
  if (trace === undefined) throw new WrongUse('--trace is missing')
  const rows = await readTrace(resolve(trace), limit)
  if (rows.length === 0) throw new WrongUse(`${trace} holds no rows`)
  const play = (access: FleetAccess) => playAndReport(access, { rows, speed, run: randomUUID() })
  if (fleet !== undefined) await play(await readFleetAccess(resolve(fleet)))
  else {
    await withOwnFleet('replay', { workers }, async (_fleet, dir) => {
      await play(await readFleetAccess(dir))
    })
  }
}

async function playAndReport(access: FleetAccess, options: PlayOptions): Promise<void> {
  const figures = await playTrace(access, options)
  say(describePlay(figures))
  const { violations, unfinished } = figures.findings
  if (violations.length > 0 || unfinished.length > 0 || figures.refused > 0) process.exitCode = 1
}

await runCommand(
  USAGE,
  (args) => readFlags(args, { numbers: DEFAULTS, texts: ['trace', 'fleet'] }),
  main,
)
