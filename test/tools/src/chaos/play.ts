import type { TailedEvent } from '@agentfleet/adapters'
import { createClient, type Client } from '@agentfleet/client'
import type { Fleet } from '@agentfleet/local'
import type { TaskView } from '@agentfleet/protocol'
import { countPaidTwice, openAudit, simulatorTotals, until, type Audit } from '../audit.ts'
import { say } from '../command/flags.ts'
import { silentLog } from '../fleet/silent-log.ts'
import { startCallers, type CallerRequest } from './callers.ts'
import type { Accepted, Findings, PaidTwice } from '../invariants.ts'
import { seededRandom } from '../simulate/random.ts'
import { abortAfter, wait } from '../steady/strain.ts'
import { injectFaults, type Fault } from './faults.ts'
import { gapsBetween, pastOf, type Gap } from './gaps.ts'

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
  readonly paid: PaidTwice
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
/** Everything has ended within this after the last fault: leases of 30 s may have to run out twice. */
const ENDED_WITHIN_MS = 150_000
/** The views of the fleet catch up with the log within this, milliseconds. */
const SHOWN_WITHIN_MS = 60_000
const REPORT_EVERY_MS = 30_000

/** Runs load and faults until the time is over or the signal aborts, then waits and judges. */
export async function playChaos(
  fleet: Fleet,
  options: ChaosOptions,
  signal: AbortSignal,
): Promise<ChaosFigures> {
  const fromMs = Date.now()
  const record = createRecord(fromMs)
  const audit = await openAudit(
    { natsUrl: fleet.nats.url, operator: fleet.operator },
    {
      onEvent: record.note,
      // The bus of the audit is cut and frozen again and again; only the outcome is worth a line.
      log: silentLog(),
    },
  )
  try {
    const clients = fleet.urls.map((url) => createClient({ baseUrl: url }))
    const callers = startCallers(clients, `chaos-${options.seed}`, {
      callers: CALLERS_MAX,
      perSecond: options.rate,
      request: requestOf,
    })
    const over = abortAfter(options.minutes * 60_000, signal)
    const reporting = report(callers, audit, over)
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
    await callers.stop()
    const { accepted } = callers
    const tasks = new Set(accepted.map(({ taskId }) => taskId)).size
    await audit.untilEnded(tasks, ENDED_WITHIN_MS).catch((error: unknown) => say(String(error)))
    const leftovers = await leftoversOf(fleet, clients)
    const findings = await audit.check(accepted)
    const { violations, unfinished } = findings
    const paid = await countPaidTwice(fleet.simulators, audit.restarted(), record.storedAt)
    return {
      options,
      accepted: tasks,
      repeated: callers.failures(),
      ended: audit.ended(),
      findings,
      paid,
      callsPaid: (await simulatorTotals(fleet.simulators)).finished,
      callsLogged: record.calls(),
      gaps: gapsBetween(record.endingsMs, faults, fromMs, toMs),
      faults,
      timeline: record.timeline(),
      leftovers,
      sound: violations.length + unfinished.length + leftovers.length === 0,
    }
  } finally {
    await audit.close()
  }
}

/** What the events of the log say in addition to the invariants. */
function createRecord(fromMs: number) {
  const endingsMs: number[] = []
  const calls = new Map<string, number>()
  const storedAt = new Map<string, number>()
  const timeline = new Map<number, Record<string, number>>()
  return {
    endingsMs,
    storedAt,
    calls: () => [...calls.values()].reduce((sum, count) => sum + count, 0),
    timeline: () => [...timeline].map(([second, counts]) => ({ second, ...counts })),
    note({ taskId, event, storedAtMs }: TailedEvent) {
      const second = Math.floor((storedAtMs - fromMs) / 1_000)
      const counts = timeline.get(second) ?? {}
      counts[event.type] = (counts[event.type] ?? 0) + 1
      timeline.set(second, counts)
      // A cancelled task ends without a run: it says nothing about whether tasks still run.
      if (event.type === 'completed' || event.type === 'failed') endingsMs.push(storedAtMs)
      if (event.type === 'call-finished' && event.call.kind === 'llm') {
        calls.set(taskId, (calls.get(taskId) ?? 0) + 1)
        storedAt.set(`${taskId}/${event.call.step}`, storedAtMs)
      }
      // The last call of a task has no event except the ending.
      if (event.type !== 'completed') return
      calls.set(taskId, event.usage.llmCalls)
      storedAt.set(taskId, storedAtMs)
    },
  }
}

/** The n-th request: short and long runs, a delay, held answers, cancelled tasks. */
function requestOf(n: number): CallerRequest {
  switch (n % 10) {
    case 0:
      return { task: { task: 'x', model: 'echo' }, waitSeconds: 5 }
    case 1:
    case 2:
      return { task: { task: 'Work in steps.', model: 'sim-steps?n=3&ms=200' } }
    case 3:
      return { task: { task: 'x', model: 'sim?ttft=300&tokens=5' }, cancel: true }
    case 4: {
      const notBefore = new Date(Date.now() + 2_000).toISOString()
      return { task: { task: 'x', model: 'echo?ms=100', notBefore } }
    }
    case 5:
      return { task: { task: 'x', model: 'sim?ttft=100&tokens=5' }, waitSeconds: 5 }
    default:
      return { task: { task: 'x', model: 'sim?ttft=100&tokens=5' } }
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
