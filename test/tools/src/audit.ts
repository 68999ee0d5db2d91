import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectBus, tailLog, type Logger, type TailedEvent } from '@agentfleet/adapters'
import type { FleetAccess as WholeAccess } from '@agentfleet/local'
import { WrongUse } from './command/flags.ts'
import { checkInvariants, type Accepted, type Findings } from './invariants.ts'
import {
  isEnding,
  loggedEvent,
  type Histories,
  type LoggedEvent,
} from './invariants/logged-event.ts'
import {
  paidTwice,
  type CallCount,
  type PaidTwice,
  type StoredAt,
} from './invariants/paid-twice.ts'

/**
 * Reads a fleet's whole LOG, as the operator, and keeps reading.
 *
 * States: reading → closed. Invariants: histories hold every event up to `position` in stored order;
 * a wait ends at its deadline at the latest.
 */
export interface Audit {
  /** Live view: grows while the log does. */
  readonly histories: Histories
  /** Tasks that have ended so far, since the audit began. */
  ended(): number
  /** Tasks with more than one attempt so far. */
  restarted(): readonly string[]
  /** Waits until this many tasks have ended; throws when they have not in time. */
  untilEnded(count: number, deadlineMs: number): Promise<void>
  /** Waits until the log has each of these tasks and an ending of every task; throws when it has not in time. */
  untilAllEnded(taskIds: ReadonlySet<string>, deadlineMs: number): Promise<void>
  /** Waits until every event stored so far has been read, then checks the invariants. */
  check(accepted: Iterable<Accepted>): Promise<Findings>
  close(): Promise<void>
}

/** Addresses of a running fleet that tools need. */
export type FleetAccess = Pick<WholeAccess, 'url' | 'natsUrl' | 'simulators' | 'operator'>

/** A million events are read in about 20 s on two busy cores. */
const CATCH_UP_WITHIN_MS = 300_000
const POLL_MS = 20
const REQUEST_WITHIN_MS = 10_000

/** Reads the access file of a running fleet; `path` is the file or its folder. Throws a WrongUse if it names none. */
export async function readFleetAccess(path: string): Promise<FleetAccess> {
  const file = path.endsWith('.json') ? path : join(path, 'fleet.json')
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new WrongUse(`no fleet can be found: ${error.message}`)
  })
  const access = JSON.parse(text) as WholeAccess
  if (access.state === 'running') return access
  throw new WrongUse(`the fleet of ${file} is stopped; start it with npm start`)
}

/** Starts reading the log behind `afterSeq`; `onEvent` sees each event once, in order. */
export async function openAudit(
  access: Pick<FleetAccess, 'natsUrl' | 'operator'>,
  options: {
    readonly afterSeq?: number
    readonly onEvent?: (event: TailedEvent) => void
    /** Destination of error messages; stderr by default. */
    readonly log?: Logger
  } = {},
): Promise<Audit> {
  const { log = stderrLogger() } = options
  const bus = await connectBus({
    url: access.natsUrl,
    ...access.operator,
    name: 'audit',
    inboxPrefix: '_INBOX_audit',
    log,
  })
  const histories = new Map<string, LoggedEvent[]>()
  let ended = 0
  const tail = tailLog(bus, {
    afterSeq: options.afterSeq ?? 0,
    log,
    receive(tailed) {
      const event = loggedEvent(tailed.event, tailed.seq, tailed.storedAtMs)
      const history = histories.get(tailed.taskId)
      if (history === undefined) histories.set(tailed.taskId, [event])
      else history.push(event)
      if (isEnding(event)) ended += 1
      options.onEvent?.(tailed)
    },
  })
  return {
    histories,
    ended: () => ended,
    restarted: () =>
      [...histories]
        .filter(([, events]) => events.some(({ type }) => type === 'attempt-started'))
        .map(([taskId]) => taskId),
    async untilEnded(count, deadlineMs) {
      await until(
        () => ended >= count,
        deadlineMs,
        () => `${ended} of ${count} tasks have ended`,
      )
    },
    async untilAllEnded(taskIds, deadlineMs) {
      const isOver = (): boolean =>
        ended >= histories.size && [...taskIds].every((taskId) => histories.has(taskId))
      await until(isOver, deadlineMs, () => `${ended} of ${histories.size} tasks have ended`)
    },
    async check(accepted) {
      const read = { done: false, error: undefined as unknown }
      tail.caughtUp().then(
        () => (read.done = true),
        (error: unknown) => Object.assign(read, { done: true, error }),
      )
      const where = (): string => `the audit has read up to ${tail.position()}`
      await until(() => read.done, CATCH_UP_WITHIN_MS, where)
      if (read.error !== undefined) throw read.error
      return checkInvariants(histories, accepted)
    },
    async close() {
      await tail.close()
      await bus.close()
    },
  }
}

/** Polls until the condition holds; throws with the current state when it does not in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
  state: () => string,
): Promise<void> {
  const deadline = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${state()} after ${deadlineMs} ms`)
    await delay(POLL_MS)
  }
}

/** The simulators' counts of calls, added up. */
export interface SimulatorTotals {
  readonly started: number
  readonly finished: number
  readonly aborted: number
  readonly failed: number
  readonly inFlight: number
  /** Sum of the peaks of each; with one simulator the peak itself. */
  readonly inFlightPeak: number
  readonly completionTokens: number
}

/** Adds up `/sim/stats` of all simulators. */
export async function simulatorTotals(simulators: readonly string[]): Promise<SimulatorTotals> {
  const total = {
    started: 0,
    finished: 0,
    aborted: 0,
    failed: 0,
    inFlight: 0,
    inFlightPeak: 0,
    completionTokens: 0,
  }
  const names = Object.keys(total) as (keyof typeof total)[]
  const all = simulators.map((url) =>
    getJson<Record<keyof typeof total, number>>(`${url}/sim/stats`),
  )
  for (const stats of await Promise.all(all)) for (const name of names) total[name] += stats[name]
  return total
}

/**
 * Calls paid twice over all simulators. The counts of `suspects` (tasks with more than one attempt) are
 * fetched one by one, because each simulator alone may have seen only one of two calls.
 */
export async function countPaidTwice(
  simulators: readonly string[],
  suspects: readonly string[],
  storedAt?: StoredAt,
): Promise<PaidTwice> {
  const counts: CallCount[] = []
  type Steps = { readonly calls: readonly Omit<CallCount, 'taskId'>[] }
  type Repeats = { readonly repeated: readonly CallCount[] }
  const asked = new Set(suspects)
  for (const url of simulators) {
    const { repeated } = await getJson<Repeats>(`${url}/sim/calls`)
    counts.push(...repeated.filter(({ taskId }) => !asked.has(taskId)))
    for (const taskId of suspects) {
      const { calls } = await getJson<Steps>(`${url}/sim/calls?task=${taskId}`)
      counts.push(...calls.map((call) => ({ ...call, taskId })))
    }
  }
  return paidTwice(counts, storedAt)
}

/** GETs JSON; throws an error with any other answer. */
export async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(REQUEST_WITHIN_MS) })
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as T
}

/** Only failures are worth a line. */
function stderrLogger(): Logger {
  const say = (level: string) => (object: object, message?: string) => {
    const error = 'err' in object ? String(object.err) : ''
    process.stderr.write(`audit ${level}: ${message ?? ''} ${error}\n`)
  }
  return { debug: () => undefined, info: () => undefined, warn: say('warn'), error: say('error') }
}
