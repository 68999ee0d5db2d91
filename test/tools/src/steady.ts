/**
 * `npm run prove -- steady`: a fleet in which no node dies, on a machine that has no time to spare. Every
 * death that is declared here is a wrong one.
 */
import { availableParallelism, loadavg } from 'node:os'
import type { Fleet } from '@agentfleet/local'
import { openAudit } from './audit.ts'
import { show, table } from './figures.ts'
import { readFlags, runCommand, say } from './command/flags.ts'
import { describeFindings, type Findings } from './invariants.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'
import {
  abortAfter,
  burn,
  pauseAtRandom,
  submitSteadily,
  wait,
  type Pauses,
} from './steady/strain.ts'
import { watchFleet, type Watch } from './steady/watch.ts'

const USAGE = `npm run prove -- steady [flags]
  --minutes N        how long (30)
  --workers N        worker processes (4)
  --burn N           threads that use a core each (all cores)
  --rate N           tasks a second (40)
  --pause            stop a random worker for a second, again and again`

const DEFAULTS = { minutes: 30, workers: 4, burn: availableParallelism(), rate: 40 }
const REPORT_EVERY_MS = 60_000
/** A monitor declares no death in its first seconds; the strain begins after that. */
const SETTLE_MS = 5_000
const ENDED_WITHIN_MS = 180_000

type Options = typeof DEFAULTS & { readonly pause: boolean }

async function main(options: Options): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const ended = new Map<string, string>()
  await withOwnFleet(
    'steady',
    {
      workers: options.workers,
      // The fleet keeps its size: a drained node would be missing among the witnesses.
      env: { autoscaler: { DRIVER: 'recommend' } },
      onExit: (id, reason) => {
        ended.set(id, reason)
        say(`${id} ended: ${reason}`)
      },
    },
    (fleet) => run(fleet, options, ended, stop.signal),
  )
}

async function run(
  fleet: Fleet,
  options: Options,
  ended: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const watch = await watchFleet(fleet)
  const audit = await openAudit({ natsUrl: fleet.nats.url, operator: fleet.operator })
  await wait(SETTLE_MS, signal)
  say(
    `${options.minutes} min, ${options.workers} workers, ${options.burn} burning threads, ` +
      `${options.rate} tasks/s${options.pause ? ', pauses of 1 s' : ''}`,
  )
  const fire = burn(options.burn)
  const over = abortAfter(options.minutes * 60_000, signal)
  const reporting = report(watch, over)
  const none: Pauses = { count: 0, longestMs: 0 }
  const [submitted, pauses] = await Promise.all([
    submitSteadily(fleet.url, options.rate, over),
    options.pause ? pauseAtRandom(fleet, over) : none,
  ])
  await reporting
  await fire.stop()
  const accepted = submitted.taskIds.map((taskId) => ({ taskId }))
  await audit.untilEnded(accepted.length, ENDED_WITHIN_MS).catch((error: unknown) => {
    say(String(error))
  })
  const findings = await audit.check(accepted)
  await conclude({ watch, fleet, ended, findings, pauses, refused: submitted.refused })
  await audit.close()
  await watch.close()
}

/** A line a minute, so that a long run can be followed. */
async function report(watch: Watch, signal: AbortSignal): Promise<void> {
  for (let minute = 1; ; minute += 1) {
    await wait(REPORT_EVERY_MS, signal)
    if (signal.aborted) return
    const [load = 0] = loadavg()
    const longest = Math.max(...watch.silencesMs().values())
    const deaths = await watch.deaths()
    say(
      `${minute} min: ${deaths.length} deaths, longest silence ${show(longest)} ms, load ${show(load)}`,
    )
  }
}

interface Outcome {
  readonly watch: Watch
  readonly fleet: Fleet
  readonly ended: ReadonlyMap<string, string>
  readonly findings: Findings
  readonly pauses: Pauses
  readonly refused: number
}

async function conclude(outcome: Outcome): Promise<void> {
  const { watch, fleet, ended, findings, pauses, refused } = outcome
  const deaths = await watch.deaths()
  const wrong = deaths.filter(({ nodeId }) => !ended.has(nodeId))
  const silences = [...watch.silencesMs()].sort(([, a], [, b]) => b - a)
  say(
    table(
      ['node', 'longest silence, ms'],
      silences.map(([id, ms]) => [id, show(ms)]),
    ),
  )
  for (const { nodeId, reason, silentMs } of deaths) {
    const exit = ended.get(nodeId)
    say(
      `${nodeId}: dead, ${reason}, ${show(silentMs)} ms silent${exit ? `, did end: ${exit}` : ''}`,
    )
  }
  if (pauses.count > 0) say(`${pauses.count} pauses, the longest ${show(pauses.longestMs)} ms`)
  const shown = [...watch.shown()].map(([state, times]) => `${state} ${times} times`)
  say(`shown as ${shown.length === 0 ? 'alive all the time' : shown.join(', ')}`)
  for (const line of await withheldOf(fleet)) say(line)
  say(`tasks: ${describeFindings(findings)}, ${refused} refused`)
  say(`${wrong.length} FALSE DEATHS, ${deaths.length - wrong.length} true ones`)
  if (wrong.length > 0 || findings.violations.length > 0) process.exitCode = 1
}

/** The monitors' counts of deaths that they did not declare. */
async function withheldOf(fleet: Fleet): Promise<readonly string[]> {
  const pages = await Promise.all(
    fleet.members('health-monitor').map(async (member) => {
      const answer = await fetch(`${member.adminUrl()}/metrics`)
      return answer.text()
    }),
  )
  const counted = /^fleet_(?:deaths_withheld|stalls|stalls_withheld)_total\{.*$/gm
  return pages.flatMap((page) => page.match(counted) ?? [])
}

await runCommand(USAGE, (args) => readFlags(args, { numbers: DEFAULTS, switches: ['pause'] }), main)
