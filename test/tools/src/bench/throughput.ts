import { setTimeout as delay } from 'node:timers/promises'
import { say } from '../command/flags.ts'
import { openAudit } from '../audit.ts'
import { median, quantile, show, table } from '../figures.ts'
import { checkInvariants, describeFindings, type Findings } from '../invariants.ts'
import { closedLoop, openLoop, postRequest, type LoadResult, type LoadTarget } from '../load.ts'
import { createCpuMeter } from '../fleet/processes.ts'
import type { BenchOptions } from './options.ts'
import { sharedProcesses, sidesOf, type BenchContext, type Side, type Sides } from './sides.ts'

/**
 * Both sides under the same load in alternating rounds: HTTP request in, result out, callers waiting. The
 * other side is idle or stopped meanwhile; the cost of idling is measured and printed.
 */

/** Results of one round. */
interface Round {
  readonly side: Side['name']
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
  readonly late: number
  /** CPU time of each process for one task, microseconds. */
  readonly cpuUsPerTask: Readonly<Record<string, number>>
}

/** All rounds of one kind of load. */
interface Comparison {
  readonly title: string
  readonly rounds: readonly Round[]
  readonly ours: Round
  readonly theirs: Round
  readonly ratio: number
}

/** Longest wait for answers: longer than any queue of so few callers. */
const WAIT_HEADER = { prefer: 'wait=60' }
const TASK = 'Summarise the weekly report in three sentences and name the open questions.'
/** A short streamed answer: the provider's own time is small against the system's. */
const LLM_MODEL = 'sim?ttft=5&tps=0&tokens=20'
/** Requests unanswered at once before the open loop counts failures. */
const CONNECTIONS_MAX = 2_000
/**
 * Before the first round both sides warm up this many times as long as before the others: a just-in-time
 * compiler needs some ten thousand tasks.
 */
const FIRST_WARMUP_TIMES = 4

/** Measures the idle cost of both sides, in percent of one core. */
export async function measureIdle(sides: Sides, seconds: number): Promise<string> {
  const meters = sidesOf(sides).map((side) => ({
    side,
    meter: createCpuMeter(() => side.processes()),
  }))
  await delay(seconds * 1000)
  const shares = meters.map(({ side, meter }) => {
    const { usedUs, elapsedUs } = meter.read()
    const total = [...usedUs.values()].reduce((sum, us) => sum + us, 0)
    return `${side.name} ${show((100 * total) / elapsedUs)}%`
  })
  return `idle, of one core: ${shares.join(', ')}`
}

/** Callers that wait for the result of an `echo`, or of one short streamed LLM call. */
export function compareThroughput(
  context: BenchContext,
  sides: Sides,
  model: 'echo' | 'llm',
): Promise<Comparison> {
  const { callers } = context.options
  const title =
    model === 'echo'
      ? `durable throughput, ${callers} callers, echo`
      : `durable throughput, ${callers} callers, one streamed LLM call`
  const load = (target: LoadTarget, seconds: number): Promise<LoadResult> =>
    closedLoop(target, { callers, seconds })
  return compare(context, sides, title, model === 'echo' ? 'echo' : LLM_MODEL, load)
}

/** Latency at a rate that both sides can sustain. */
export function compareLatency(context: BenchContext, sides: Sides): Promise<Comparison> {
  const perSecond = context.options.rate
  const load = (target: LoadTarget, seconds: number): Promise<LoadResult> =>
    openLoop(target, { perSecond, seconds, connectionsMax: CONNECTIONS_MAX })
  return compare(context, sides, `latency at ${perSecond} tasks/s, echo`, 'echo', load)
}

async function compare(
  { options }: BenchContext,
  sides: Sides,
  title: string,
  model: string,
  load: (target: LoadTarget, seconds: number) => Promise<LoadResult>,
): Promise<Comparison> {
  say(`\n## ${title}`)
  const targetOf = (side: Side): LoadTarget =>
    postRequest(`${side.url}/v1/tasks`, { task: TASK, model }, { ...WAIT_HEADER, ...side.headers })
  for (const side of sidesOf(sides)) {
    await side.alone(() => load(targetOf(side), options.warmupSeconds * FIRST_WARMUP_TIMES))
  }
  const rounds: Round[] = []
  for (let n = 1; n <= options.rounds; n += 1) {
    for (const side of sidesOf(sides)) {
      const round = await side.alone(() => measure(sides, side, targetOf(side), load, options))
      rounds.push(round)
      const failures = round.failed > 0 ? `, ${round.failed} FAILED` : ''
      say(
        `  round ${n} ${side.name.padEnd(10)} ${show(round.perSecond)}/s  p50 ${show(round.p50Ms)} ms  p99 ${show(round.p99Ms)} ms${failures}`,
      )
    }
  }
  const ours = typical(rounds, 'agentfleet')
  const theirs = typical(rounds, 'bullmq')
  const comparison = { title, rounds, ours, theirs, ratio: ours.perSecond / theirs.perSecond }
  say(showComparison(comparison))
  return comparison
}

async function measure(
  sides: Sides,
  side: Side,
  target: LoadTarget,
  load: (target: LoadTarget, seconds: number) => Promise<LoadResult>,
  options: BenchOptions,
): Promise<Round> {
  const warmup = await load(target, options.warmupSeconds)
  const processes = [...side.processes(), ...sharedProcesses(sides.fleet)]
  const meter = createCpuMeter(() => processes)
  const result = await load(target, options.seconds)
  const { usedUs } = meter.read()
  const failure = warmup.firstFailure ?? result.firstFailure
  if (failure !== undefined) process.stderr.write(`  ${side.name}: ${failure}\n`)
  const perTask = [...usedUs].map(([name, us]) => [name, us / Math.max(1, result.answered)])
  return {
    side: side.name,
    perSecond: result.perSecond,
    p50Ms: quantile(result.latenciesMs, 0.5),
    p99Ms: quantile(result.latenciesMs, 0.99),
    failed: result.failed + warmup.failed,
    late: result.late,
    cpuUsPerTask: Object.fromEntries(perTask) as Record<string, number>,
  }
}

/** The median of each figure over the rounds of one side. */
function typical(rounds: readonly Round[], side: Side['name']): Round {
  const own = rounds.filter((round) => round.side === side)
  const of = (pick: (round: Round) => number): number => median(own.map(pick))
  const names = Object.keys(own[0]?.cpuUsPerTask ?? {})
  return {
    side,
    perSecond: of((round) => round.perSecond),
    p50Ms: of((round) => round.p50Ms),
    p99Ms: of((round) => round.p99Ms),
    failed: own.reduce((sum, round) => sum + round.failed, 0),
    late: own.reduce((sum, round) => sum + round.late, 0),
    cpuUsPerTask: Object.fromEntries(
      names.map((name) => [name, of((round) => round.cpuUsPerTask[name] ?? 0)]),
    ),
  }
}

function showComparison({ ours, theirs, ratio }: Comparison): string {
  const row = (round: Round): string[] => [
    round.side,
    show(round.perSecond),
    show(round.p50Ms),
    show(round.p99Ms),
    String(round.failed),
  ]
  const medians = table(
    ['median', 'tasks/s', 'p50 ms', 'p99 ms', 'failed'],
    [row(ours), row(theirs)],
  )
  return `${medians}\nours/theirs: ${ratio.toFixed(3)}×\n${showCpu(ours)}\n${showCpu(theirs)}`
}

function showCpu({ side, cpuUsPerTask }: Round): string {
  const entries = Object.entries(cpuUsPerTask).sort(([, a], [, b]) => b - a)
  const total = entries.reduce((sum, [, us]) => sum + us, 0)
  const parts = entries
    .filter(([, us]) => us >= 0.5)
    .map(([name, us]) => `${name} ${us.toFixed(0)}`)
  return `CPU µs a task, ${side}: ${total.toFixed(0)} = ${parts.join(' + ')}`
}

/** Reads the whole log of the fleet after all rounds and checks every task in it. */
export async function auditFleet(sides: Sides): Promise<Findings> {
  const audit = await openAudit({ natsUrl: sides.fleet.nats.url, operator: sides.fleet.operator })
  try {
    await audit.check([])
    const findings = checkInvariants(audit.histories, [])
    say(`\naudit of the log: ${describeFindings(findings)}`)
    return findings
  } finally {
    await audit.close()
  }
}
