/**
 * `npm run prove -- rise`: a demand that rises tenfold and falls again, on a fleet whose autoscaler
 * starts and drains real worker processes.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createClient, type Client } from '@agentfleet/client'
import type { Fleet } from '@agentfleet/local'
import { openAudit, until, type Audit } from './audit.ts'
import { percent, show, spreadOf, table } from './figures.ts'
import { readFlags, runCommand, say } from './command/flags.ts'
import { describeFindings, type Accepted } from './invariants.ts'
import type { LoggedEvent } from './invariants/logged-event.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'

const USAGE = `npm run prove -- rise [flags]
  --base N           tasks a second before and after (3)
  --times N          how many times more at the plateau (10)
  --seconds N        length of a task (6)
  --slots N          slots of a node (10)
  --max N            most nodes (20); the least are 2
  --calm N           seconds before the rise (60)
  --rise N           seconds of the rise, and of the fall (120)
  --plateau N        seconds at the top (300)`

const DEFAULTS = {
  base: 3,
  times: 10,
  seconds: 6,
  slots: 10,
  max: 20,
  calm: 60,
  rise: 120,
  plateau: 300,
}
type Options = typeof DEFAULTS

const NODES_MIN = 2
/** The promised share of used slots at the plateau. */
const USED_MIN = 0.85
const SAMPLE_EVERY_MS = 1_000
const REPORT_EVERY_MS = 15_000
/** Most unanswered submissions; beyond it a task is late, which the report shows. */
const UNANSWERED_MAX = 200
const SETTLED_WITHIN_MS = 420_000
const ENDED_WITHIN_MS = 120_000

/** The fleet at one time. */
interface Sample {
  /** Since the first submission. */
  readonly atMs: number
  /** Nodes that accept work, and those that only finish their runs. */
  readonly nodes: number
  readonly draining: number
  /** Of the nodes that accept work. */
  readonly slots: number
  readonly active: number
  readonly queued: number
}

async function main(options: Options): Promise<void> {
  await withOwnFleet(
    'rise',
    {
      workers: NODES_MIN,
      env: {
        worker: { WORKER_SLOTS: String(options.slots) },
        // Processes of one machine start within seconds: the fleet may drop them sooner than machines of a
        // cluster.
        autoscaler: {
          DRIVER: 'local',
          SCALE_MAX: String(options.max),
          SCALE_STARTUP_MS: '5000',
          SCALE_COOLDOWN_MS: '30000',
          SCALE_DOWN_EVERY_MS: '10000',
        },
      },
      // The test is about drained nodes ending.
      onExit: () => undefined,
    },
    (fleet) => measure(fleet, options),
  )
}

async function measure(fleet: Fleet, options: Options): Promise<void> {
  const client = createClient({ baseUrl: fleet.url })
  const audit = await openAudit({ natsUrl: fleet.nats.url, operator: fleet.operator })
  const over = new AbortController()
  const samples: Sample[] = []
  const watching = watch(client, samples, over.signal)
  try {
    const accepted = await submitAll(client, options)
    await audit.untilEnded(accepted.length, ENDED_WITHIN_MS)
    await until(
      async () => {
        await delay(SAMPLE_EVERY_MS)
        const last = samples.at(-1)
        return last?.nodes === NODES_MIN && last.draining === 0
      },
      SETTLED_WITHIN_MS,
      () => `${samples.at(-1)?.nodes ?? 0} nodes are left`,
    )
    over.abort()
    await watching
    await conclude(audit, accepted, samples, options)
  } finally {
    over.abort()
    await watching
    await audit.close()
  }
}

/** Tasks a second at one time: even steps of a percentage on the way up and down. */
function rateAt(seconds: number, { base, times, calm, rise, plateau }: Options): number {
  const intoRise = (seconds - calm) / rise
  const intoFall = (seconds - calm - rise - plateau) / rise
  const height = Math.min(1, Math.max(0, intoRise)) - Math.min(1, Math.max(0, intoFall))
  return base * times ** height
}

async function submitAll(client: Client, options: Options): Promise<readonly Accepted[]> {
  const { calm, rise, plateau, seconds } = options
  const endS = 2 * calm + 2 * rise + plateau
  const task = { task: 'Take your time.', model: `sim?ttft=${seconds * 1_000}&tokens=1` }
  const accepted: Accepted[] = []
  const unanswered = new Set<Promise<void>>()
  const startedAt = performance.now()
  for (let atS = 0; atS < endS;) {
    // A Poisson process, like independent users.
    atS += -Math.log(1 - Math.random()) / rateAt(atS, options)
    const waitMs = startedAt + atS * 1_000 - performance.now()
    if (waitMs > 1) await delay(waitMs)
    while (unanswered.size >= UNANSWERED_MAX) await Promise.race(unanswered)
    const one = client.submit(task).then(({ id }) => void accepted.push({ taskId: id }))
    const kept = one.finally(() => unanswered.delete(kept))
    unanswered.add(kept)
  }
  await Promise.all(unanswered)
  return accepted
}

async function watch(client: Client, samples: Sample[], signal: AbortSignal): Promise<void> {
  const startedAt = performance.now()
  let saidAt = -Infinity
  while (!signal.aborted) {
    const view = await client.fleet({ history: false }).catch(() => undefined)
    const atMs = performance.now() - startedAt
    if (view !== undefined) {
      const alive = view.nodes.filter(({ state }) => state === 'alive')
      const serving = alive.filter(({ draining }) => !draining)
      const sum = (of: 'slots' | 'active') => serving.reduce((all, node) => all + node[of], 0)
      const draining = alive.length - serving.length
      const counts = { nodes: serving.length, draining, slots: sum('slots'), active: sum('active') }
      samples.push({ atMs, ...counts, queued: view.queued })
      if (atMs - saidAt >= REPORT_EVERY_MS) {
        saidAt = atMs
        say(
          `${show(atMs / 1_000)} s: ${counts.nodes} nodes${draining > 0 ? ` and ${draining} draining` : ''}, ` +
            `${counts.active} of ${counts.slots} slots used, ${view.queued} queued`,
        )
      }
    }
    await delay(SAMPLE_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function conclude(
  audit: Audit,
  accepted: readonly Accepted[],
  samples: readonly Sample[],
  options: Options,
): Promise<void> {
  const findings = await audit.check(accepted)
  const topFromMs = (options.calm + options.rise) * 1_000
  const topToMs = topFromMs + options.plateau * 1_000
  const within = (from: number, to: number) =>
    samples.filter(({ atMs }) => atMs >= from && atMs < to && atMs > 0)
  const top = within(topFromMs, topToMs)
  const settled = within((topFromMs + topToMs) / 2, topToMs)
  const most = Math.max(...samples.map(({ nodes }) => nodes))
  const histories = [...audit.histories.values()]
  const waits = spreadOf(histories.flatMap((events) => waitOf(events, options)))
  const rows = [
    ['tasks', show(accepted.length)],
    ['nodes at the plateau, mean', show(meanOf(top, ({ nodes }) => nodes))],
    ['nodes, most', `${most} of ${options.max}`],
    ['slots used at the plateau', percent(usedOf(top))],
    ['slots used in its second half', percent(usedOf(settled))],
    ['slots used over all', percent(usedOf(samples))],
    ['time outside the call, p50 ms', show(waits.p50)],
    ['time outside the call, p99 ms', show(waits.p99)],
  ]
  say(table(['demand ×' + options.times, ''], rows))
  const restarted = histories.filter((events) =>
    events.some(({ type }) => type === 'attempt-started' || type === 'attempt-failed'),
  ).length
  say(`audit: ${describeFindings(findings)}; ${restarted} tasks begun more than once`)
  const lost = findings.violations.length + findings.unfinished.length
  const good = usedOf(settled) >= USED_MIN && restarted === 0 && lost === 0
  say(good ? 'as promised' : 'NOT as promised')
  if (!good) process.exitCode = 1
}

/** Time of a task outside its call. */
function waitOf(events: readonly LoggedEvent[], { seconds }: Options): number[] {
  const [first] = events
  const end = events.at(-1)
  if (first === undefined || end?.type !== 'completed') return []
  return [end.atMs - first.atMs - seconds * 1_000]
}

function usedOf(samples: readonly Sample[]): number {
  return meanOf(samples, ({ active }) => active) / meanOf(samples, ({ slots }) => slots)
}

function meanOf(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return samples.reduce((sum, sample) => sum + of(sample), 0) / Math.max(1, samples.length)
}

await runCommand(USAGE, (args) => readFlags(args, { numbers: DEFAULTS }), main)
