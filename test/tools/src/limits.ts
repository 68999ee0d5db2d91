/**
 * `npm run prove -- limits`: many runs under the limits of one provider's key, on several nodes. The
 * simulator enforces the limits by its own clock and counts every call that arrived too early.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from '@agentfleet/local'
import type { TaskRequest } from '@agentfleet/protocol'
import { getJson, openAudit, until } from './audit.ts'
import { submitAll } from './bench/submit.ts'
import { percent, show } from './figures.ts'
import { readFlags, runCommand, say } from './command/flags.ts'
import { describeFindings } from './invariants.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'

const USAGE = `npm run prove -- limits [flags]
  --runs N           runs of one call each (2000)
  --rpm N            requests a minute, enforced and configured (600)
  --tpm N            tokens a minute, enforced and configured (90000)
  --workers N        worker processes (4)
  --burst N          how much of the budget the simulator lets through at once, as ms (60000)
  --call N           duration of a call in ms (1500)
  --tokens N         mean length of an answer in tokens (60)`

const DEFAULTS = {
  runs: 2_000,
  rpm: 600,
  tpm: 90_000,
  workers: 4,
  burst: 60_000,
  call: 1_500,
  tokens: 60,
}
const POLL_MS = 100
/** Tolerance beyond the time that the limit itself needs, milliseconds. */
const SLACK_MS = 180_000
const MINUTE_MS = 60_000
const SHARE_EVERY_MS = 10_000
/** The required shares. */
const REFUSED_SHARE_MAX = 0.005
const THROUGHPUT_SHARE_MIN = 0.95

type Options = typeof DEFAULTS

interface Stats {
  readonly started: number
  readonly finished: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly refusals: { readonly limited: number }
  readonly violations: { readonly requests: number; readonly tokens: number }
}

async function main(options: Options): Promise<void> {
  const { rpm, tpm, tokens } = options
  await withOwnFleet(
    'limits',
    {
      workers: options.workers,
      env: {
        autoscaler: { DRIVER: 'recommend' },
        worker: { PROVIDER_RPM: String(rpm), PROVIDER_TPM: String(tpm) },
        simulator: {
          SIMULATOR_REQUESTS_PER_MINUTE: String(rpm),
          SIMULATOR_TOKENS_PER_MINUTE: String(tpm),
          SIMULATOR_LIMIT_BURST_MS: String(options.burst),
          SIMULATOR_TTFT_MS: String(options.call),
          SIMULATOR_TOKENS_PER_SECOND: '0',
          SIMULATOR_TOKENS_MIN: String(Math.max(1, Math.round(tokens / 2))),
          SIMULATOR_TOKENS_MAX: String(Math.round(tokens * 1.5)),
        },
      },
    },
    (fleet) => measure(fleet, options),
  )
}

async function measure(fleet: Fleet, options: Options): Promise<void> {
  const { runs, rpm, tpm } = options
  say(`${runs} runs, ${rpm} requests and ${tpm} tokens a minute, ${options.workers} workers`)
  const audit = await openAudit({ natsUrl: fleet.nats.url, operator: fleet.operator })
  try {
    const accepted = await submitAll(fleet.url, runs, taskOf)
    const window = await watch(fleet, options)
    const leastMs = (runs * MINUTE_MS) / rpm
    await audit.untilEnded(runs, leastMs + SLACK_MS)
    const findings = await audit.check(accepted)
    say(describeFindings(findings))
    const stats = await statsOf(fleet)
    const calls = stats.started + stats.refusals.limited
    const refused = stats.refusals.limited / calls
    const tokensUsed = stats.promptTokens + stats.completionTokens
    const ofRequests = (stats.started * MINUTE_MS) / (rpm * window.ms)
    const ofTokens = (tokensUsed * MINUTE_MS) / (tpm * window.ms)
    const share = Math.max(ofRequests, ofTokens)
    const { violations } = stats
    say(
      `429s: ${stats.refusals.limited} of ${calls} calls (${percent(refused)}); violations: ` +
        `${violations.requests} of the request limit, ${violations.tokens} of the token limit`,
    )
    say(
      `throughput: ${show(window.ms / 1_000)} s from the first call to the last; ` +
        `${percent(ofRequests)} of the request limit, ${percent(ofTokens)} of the token limit`,
    )
    const pauses = [...audit.histories.values()].flat().filter(({ type }) => type === 'paused')
    say(`slots given back while waiting: ${pauses.length}`)
    const wrong = findings.violations.length + findings.unfinished.length
    const good = refused < REFUSED_SHARE_MAX && share >= THROUGHPUT_SHARE_MIN && wrong === 0
    say(good ? 'within the limits' : 'NOT within the limits')
    if (!good) process.exitCode = 1
  } finally {
    await audit.close()
  }
}

function taskOf(n: number): TaskRequest {
  // Each prompt is different, so that answers differ in length.
  return { task: `run ${n}: ${'word '.repeat(n % 40)}`, model: 'sim' }
}

/** From the first call that the simulator let in to the last one. */
async function watch(fleet: Fleet, { runs, rpm }: Options): Promise<{ readonly ms: number }> {
  let firstAt = 0
  let last = { started: 0, at: 0 }
  const shares: number[] = []
  let mark = { started: 0, at: performance.now() }
  await until(
    async () => {
      await delay(POLL_MS)
      const { started } = await statsOf(fleet)
      const now = performance.now()
      if (now - mark.at >= SHARE_EVERY_MS) {
        shares.push(((started - mark.started) * MINUTE_MS) / (rpm * (now - mark.at)))
        mark = { started, at: now }
      }
      if (started > 0 && firstAt === 0) firstAt = now
      if (started > last.started) last = { started, at: now }
      return started >= runs
    },
    (runs * MINUTE_MS) / rpm + SLACK_MS,
    () => `${last.started} of ${runs} calls were let in`,
  )
  say(`of the request limit, each ${SHARE_EVERY_MS / 1_000} s: ${shares.map(percent).join(', ')}`)
  return { ms: Math.max(1, last.at - firstAt) }
}

function statsOf({ simulators: [url = ''] }: Fleet): Promise<Stats> {
  return getJson<Stats>(`${url}/sim/stats`)
}

await runCommand(USAGE, (args) => readFlags(args, { numbers: DEFAULTS }), main)
