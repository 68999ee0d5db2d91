import { createClient, type Client } from '@agentfleet/client'
import type { Fleet } from '@agentfleet/local'
import type { TaskView } from '@agentfleet/protocol'
import { countPaidTwice, openAudit, simulatorTotals, until, type Audit } from '../audit.ts'
import { say } from '../command/flags.ts'
import { silentLog } from '../fleet/silent-log.ts'
import { startCallers } from './callers.ts'
import type { Accepted, Findings } from '../invariants.ts'
import type { PaidTwice } from '../invariants/paid-twice.ts'
import { checkMadeCalls, type MadeCall } from '../invariants/effects.ts'
import { seededRandom } from '../simulate/random.ts'
import { abortAfter, wait } from '../steady/strain.ts'
import { injectFaults, type Fault } from './faults.ts'
import { gapsBetween, pastOf, type Gap } from './gaps.ts'
import { errandOf } from './mix.ts'
import { createRecord, type KindCounts } from './record.ts'
import { showStoredCall } from './stored-call.ts'
import { PAY_TOOL, teachScripts } from './scripts.ts'
import { collectTicks, keepSchedules } from './schedules.ts'
import { startViewers } from './viewers.ts'

/** The parameters of a run. */
interface ChaosOptions {
  readonly minutes: number
  readonly everyMs: number
  readonly rate: number
  readonly seed: number
  /** Services and servers that are hit; all if none are named. */
  readonly only: readonly string[]
}

/** What a run has shown. */
export interface ChaosFigures {
  readonly options: ChaosOptions
  readonly accepted: number
  /** Requests that were refused for the moment or got no answer, and were repeated. */
  readonly repeated: number
  readonly ended: number
  readonly findings: Findings
  /** Tasks by what their users did. */
  readonly kinds: Readonly<Record<string, KindCounts>>
  /** Tasks that a viewer of the stream has followed to their end. */
  readonly viewed: number
  /** Calls that were approved and made, and those of them that a crash made again. */
  readonly approvedCalls: number
  readonly approvedCallsAgain: number
  /** Requests that were refused although they were right, and promises that were not kept. */
  readonly broken: readonly string[]
  readonly paid: PaidTwice
  /** Each call that was made again although its answer was stored, for people. */
  readonly paidAgain: readonly string[]
  /** LLM calls that the provider finished, and those that the log holds. */
  readonly callsPaid: number
  readonly callsLogged: number
  readonly gaps: readonly Gap[]
  readonly faults: readonly Fault[]
  /** Events of each second since the start, by type. */
  readonly timeline: readonly Readonly<Record<string, number>>[]
  /** What the fleet still showed wrongly when all tasks had ended. */
  readonly leftovers: readonly string[]
  /** Whether no invariant was broken, every task has ended, and nothing is left over. */
  readonly sound: boolean
}

/** Callers at most: each waits for its answer while a server is away. */
const CALLERS_MAX = 600
/**
 * Everything has ended within this after the last fault: leases of 30 s may have to run out twice, and a task whose
 * provider fails may wait twice for the longest pause of a breaker, 120 s.
 */
const ENDED_WITHIN_MS = 300_000
/** The views of the fleet catch up with the log within this, milliseconds. */
const SHOWN_WITHIN_MS = 60_000
const REPORT_EVERY_MS = 30_000

/** Runs load and faults until the time is over or the signal aborts, then waits and judges. */
export async function playChaos(
  fleet: Fleet,
  options: ChaosOptions,
  signal: AbortSignal,
  madeCalls: () => Promise<readonly MadeCall[]>,
): Promise<ChaosFigures> {
  await Promise.all(fleet.simulators.map(teachScripts))
  const fromMs = Date.now()
  const ticks = collectTicks()
  const record = createRecord(fromMs, ticks)
  const clients = fleet.urls.map((url) => createClient({ baseUrl: url }))
  const viewers = startViewers(clients)
  const broken: string[] = []
  const audit = await openAudit(
    { natsUrl: fleet.nats.url, operator: fleet.operator },
    {
      onEvent(tailed) {
        record.note(tailed)
        if (tailed.event.type === 'submitted') viewers.follow(tailed.taskId)
      },
      // The bus of the audit is cut and frozen again and again; only the outcome is worth a line.
      log: silentLog(),
    },
  )
  try {
    const callers = startCallers(clients, `chaos-${options.seed}`, {
      callers: CALLERS_MAX,
      perSecond: options.rate,
      errand: (n) => errandOf(options.seed, n),
      onFailure: (error, n) => broken.push(`errand ${n}: ${String(error)}`),
    })
    const over = abortAfter(options.minutes * 60_000, signal)
    const reporting = report(callers, audit, over)
    const onBroken = (text: string): void => void broken.push(text)
    const keeping = keepSchedules(callers.caller('schedules'), ticks, over, onBroken)
    keeping.catch(() => undefined)
    const faults = await injectFaults(
      fleet,
      {
        random: seededRandom(options.seed),
        everyMs: options.everyMs,
        only: options.only,
        onFault: sayFault,
      },
      over,
    )
    const toMs = Date.now()
    await reporting
    say('the last fault is over; waiting until all tasks have ended')
    const [schedules] = await Promise.all([keeping, callers.stop()])
    const { accepted } = callers
    const tasks = new Set(accepted.map(({ taskId }) => taskId))
    await audit.untilAllEnded(tasks, ENDED_WITHIN_MS).catch((error: unknown) => say(String(error)))
    const leftovers = await leftoversOf(fleet, clients)
    const checked = await audit.check(accepted)
    const made = await madeCalls()
    const { histories } = audit
    const violations = [
      ...checked.violations,
      ...checkMadeCalls(histories, PAY_TOOL, made),
      ...ticks.check(schedules, histories),
      ...(await viewers.check(histories, SHOWN_WITHIN_MS)),
    ]
    const findings = { ...checked, violations }
    const approvedCalls = new Set(made.map(({ taskId, step }) => `${taskId}.${step}`)).size
    const paid = await countPaidTwice(fleet.simulators, audit.restarted(), record.storedAt)
    return {
      options,
      accepted: tasks.size,
      repeated: callers.failures(),
      ended: audit.ended(),
      findings,
      kinds: record.kinds(histories),
      viewed: viewers.count(),
      approvedCalls,
      approvedCallsAgain: made.length - approvedCalls,
      broken,
      paid,
      paidAgain: paid.stored.map((call) => showStoredCall(call, histories, faults)),
      callsPaid: (await simulatorTotals(fleet.simulators)).finished,
      callsLogged: record.calls(),
      gaps: gapsBetween(record.endingsMs, faults, fromMs, toMs),
      faults,
      timeline: record.timeline(),
      leftovers,
      sound: violations.length + checked.unfinished.length + leftovers.length + broken.length === 0,
    }
  } finally {
    await audit.close()
  }
}

const OPEN_STATES: readonly TaskView['state'][] = ['waiting', 'queued', 'running', 'retrying']

/** What the API shows as under way although everything has ended, and processes that are not ready. */
async function leftoversOf(fleet: Fleet, clients: readonly Client[]): Promise<readonly string[]> {
  let found: string[] = []
  const look = async (): Promise<boolean> => {
    found = []
    for (const client of clients) {
      for (const state of OPEN_STATES) {
        const { tasks } = await client.list({ state })
        found.push(...tasks.map(({ id }) => `${id} is listed as ${state}`))
      }
      const schedules = await client.schedules()
      found.push(...schedules.map(({ name }) => `the deleted schedule ${name} is listed`))
      const { status, queued, running } = await client.fleet({ history: false })
      if (status !== 'ok' && status !== 'degraded') found.push(`the fleet is ${status}`)
      if (queued + running > 0) found.push(`${queued} queued and ${running} running`)
    }
    for (const member of fleet.members()) {
      if (member.kind === 'simulator') continue
      const answer = await fetch(`${member.adminUrl()}/readyz`)
      if (!answer.ok) found.push(`${member.id} is not ready: ${await answer.text()}`)
    }
    return found.length === 0
  }
  const tryLook = () =>
    look().catch((error: unknown) => {
      found.push(String(error))
      return false
    })
  await until(tryLook, SHOWN_WITHIN_MS, () => '').catch(() => undefined)
  return [...new Set(found)]
}

function sayFault(fault: Fault): void {
  const seconds = ((fault.untilMs - fault.atMs) / 1_000).toFixed(1)
  say(`${fault.process} ${pastOf(fault)}${fault.kind === 'freeze' ? ` for ${seconds} s` : ''}`)
}

/** A line every half minute, so that a long run can be followed. */
async function report(
  callers: { readonly accepted: readonly Accepted[] },
  audit: Audit,
  signal: AbortSignal,
): Promise<void> {
  const startedAtMs = performance.now()
  for (;;) {
    await wait(REPORT_EVERY_MS, signal)
    if (signal.aborted) return
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000)
    say(`${seconds} s: ${callers.accepted.length} answers, ${audit.ended()} tasks ended`)
  }
}
