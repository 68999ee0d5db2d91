import { setTimeout as delay } from 'node:timers/promises'
import { openAudit, simulatorTotals } from '../audit.ts'
import { say } from '../command/flags.ts'
import { show, table } from '../figures.ts'
import { describeFindings, type Findings } from '../invariants.ts'
import { peakMemoryBytes } from '../fleet/processes.ts'
import { fleetProcesses, startBenchFleet, type BenchContext } from './sides.ts'
import { submitAll } from './submit.ts'

/** Results of the in-flight part. */
interface InflightFigures {
  readonly tasks: number
  /** Largest number of open LLM streams at one moment, over all simulators. */
  readonly peak: number
  readonly submitSeconds: number
  readonly rampSeconds: number
  readonly totalSeconds: number
  readonly streamSeconds: number
  readonly llmCalls: number
  readonly peakMemoryMb: Readonly<Record<string, number>>
  readonly findings: Findings
}

/** Streams of one process: below the usual limit of 20,000 files with room for the rest. */
const STREAMS_PER_PROCESS = 9_000
/** The answer drips, so that streams are alive and cheap; with more streams it takes longer. */
const TOKENS = 10
const DRIP_MIN_MS = 5_000
const DRIP_MS_PER_TASK = 0.75
/** First tokens follow after the ramp: two busy cores open about 900 streams a second. */
const TTFT_MIN_MS = 3_000
const TTFT_MS_PER_TASK = 1.2
/** The workers abandon a silent provider after 60 s; the first token arrives before, milliseconds. */
const TTFT_MAX_MS = 50_000
const WATCH_MS = 200
const COMPLETE_WITHIN_MS = 600_000
const MIB = 1024 * 1024

/**
 * Brings this many tasks into flight at one moment, each with a real HTTP stream, and waits for all endings.
 */
export async function measureInflight(context: BenchContext): Promise<InflightFigures> {
  const { options } = context
  const tasks = options.inflight
  const processes = Math.max(2, Math.ceil(tasks / STREAMS_PER_PROCESS))
  say(`\n## ${show(tasks)} tasks in flight, ${processes} workers, ${processes} simulators`)
  const fleet = await startBenchFleet(context, 'inflight', {
    workers: processes,
    simulators: processes,
    // Some room, because the load balancer's knowledge of the nodes is not exact to the last task.
    env: { worker: { WORKER_SLOTS: String(Math.ceil((tasks / processes) * 1.2)) } },
  })
  const audit = await openAudit({ natsUrl: fleet.nats.url, operator: fleet.operator })
  const stop = new AbortController()
  try {
    const ttft = Math.round(Math.min(TTFT_MAX_MS, TTFT_MIN_MS + tasks * TTFT_MS_PER_TASK))
    const dripMs = DRIP_MIN_MS + tasks * DRIP_MS_PER_TASK
    const tps = ((TOKENS * 1000) / dripMs).toFixed(3)
    const model = `sim?ttft=${ttft}&tps=${tps}&tokens=${TOKENS}`
    const startedAt = performance.now()
    const seconds = (): number => (performance.now() - startedAt) / 1000
    const watching = watchPeak(fleet.simulators, stop.signal)
    const accepted = await submitAll(fleet.url, tasks, () => ({ task: 'Count to ten.', model }))
    const submitSeconds = seconds()
    await audit.untilEnded(accepted.length, COMPLETE_WITHIN_MS)
    const totalSeconds = seconds()
    stop.abort()
    const { peak, reachedAt } = await watching
    const findings = await audit.check(accepted)
    const memory = [
      ...fleetProcesses(fleet),
      ...fleet.members('simulator').map((m) => ({ name: m.id, pid: m.pid() })),
    ].map(({ name, pid }) => [name, peakMemoryBytes(pid) / MIB] as const)
    const figures: InflightFigures = {
      tasks,
      peak,
      submitSeconds,
      rampSeconds: (reachedAt - startedAt) / 1000,
      totalSeconds,
      streamSeconds: (ttft + dripMs) / 1000,
      llmCalls: (await simulatorTotals(fleet.simulators)).started,
      peakMemoryMb: Object.fromEntries(memory),
      findings,
    }
    say(showFigures(figures))
    return figures
  } finally {
    stop.abort()
    await audit.close()
    await fleet.stop()
  }
}

/** Counts the open streams again and again until it is stopped. */
async function watchPeak(
  simulators: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly peak: number; readonly reachedAt: number }> {
  let peak = 0
  let reachedAt = performance.now()
  while (!signal.aborted) {
    const totals = await simulatorTotals(simulators).catch(() => undefined)
    if (totals !== undefined && totals.inFlight > peak) {
      peak = totals.inFlight
      reachedAt = performance.now()
    }
    await delay(WATCH_MS, undefined, { signal }).catch(() => undefined)
  }
  return { peak, reachedAt }
}

function showFigures(figures: InflightFigures): string {
  const { peak, tasks, submitSeconds, rampSeconds, totalSeconds, streamSeconds } = figures
  const entries = Object.entries(figures.peakMemoryMb).sort(([, a], [, b]) => b - a)
  const sum = entries.reduce((total, [, mb]) => total + mb, 0)
  const rows = [...entries, ['all together', sum] as const].map(([name, mb]) => [name, show(mb)])
  return [
    `peak in flight at one moment: ${show(peak)} of ${show(tasks)} (${show(figures.llmCalls)} LLM calls)`,
    `accepted in ${show(submitSeconds)} s, peak after ${show(rampSeconds)} s, all over after ${show(totalSeconds)} s (one stream takes ${show(streamSeconds)} s)`,
    `audit: ${describeFindings(figures.findings)}`,
    table(['peak memory', 'MB'], rows),
  ].join('\n')
}
