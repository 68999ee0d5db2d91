import { transition, type TaskEvent } from '@agentfleet/domain'

/**
 * The invariants of every log, for any faults of the fleet. Pure: histories and accepted submissions in,
 * violations out. Simulation, e2e and chaos tests, replay and bench all check with this one file.
 *
 * - I1: a task that was accepted has `submitted` in the log, once and first.
 * - I2: an ended task has exactly one terminal event, and nothing follows it.
 * - I3: attempts never decrease, each begins once, and no call of a run is finished twice; the only events of
 *   a waiting task are the end of its wait and its own ending.
 * - I4: the same tenant and idempotency key lead to one task.
 * - I5: an ending that an answer told its caller is the ending in the log.
 */

/** The names of the invariants. */
type Rule = 'I1' | 'I2' | 'I3' | 'I4' | 'I5'

/** The part of a stored event that is checked: a whole log of these fits into memory. */
export interface LoggedEvent {
  readonly type: TaskEvent['type']
  readonly seq: number
  readonly atMs: number
  readonly attempt?: number
  /** Position in the run, of `call-finished` only. */
  readonly step?: number
  readonly node?: string
  /** The task began to wait with this event. */
  readonly waits?: boolean
}

/** All events by task, in the order they were stored. */
export type Histories = ReadonlyMap<string, readonly LoggedEvent[]>

/** A submission that was answered as stored. */
export interface Accepted {
  readonly taskId: string
  readonly tenant?: string
  readonly key?: string
  /** The ending that the answer told, if it told one. */
  readonly told?: Ending['type']
}

/** One breach of an invariant. */
export interface Violation {
  readonly rule: Rule
  readonly taskId: string
  readonly detail: string
}

/** The result of a check. */
export interface Findings {
  readonly violations: readonly Violation[]
  /** Accepted or logged tasks without an ending so far: a violation only when all should have ended. */
  readonly unfinished: readonly string[]
  readonly tasks: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
}

/** Reduces an event that was stored at `seq`, at `storedAtMs` if known, to the part that is checked. */
export function loggedEvent(event: TaskEvent, seq: number, storedAtMs?: number): LoggedEvent {
  const { type, atMs } = event
  return {
    type,
    seq,
    atMs,
    ...('attempt' in event ? { attempt: event.attempt } : {}),
    ...('node' in event ? { node: event.node } : {}),
    ...(event.type === 'call-finished' ? { step: event.call.step } : {}),
    ...(beginsToWait(event, storedAtMs) ? { waits: true } : {}),
  }
}

function beginsToWait(event: TaskEvent, storedAtMs: number | undefined): boolean {
  if (event.type === 'paused') return true
  if (event.type !== 'submitted') return false
  // A delay that is over when the log stores the task does not count.
  const first = transition('', undefined, event, 1, storedAtMs)
  return first.kind === 'applied' && first.record.waitingFor !== undefined
}

/** Checks every history and every accepted submission. */
export function checkInvariants(histories: Histories, accepted: Iterable<Accepted>): Findings {
  const violations: Violation[] = []
  const unfinished = new Set<string>()
  const ends = { completed: 0, failed: 0, cancelled: 0 }
  for (const [taskId, events] of histories) {
    const breach = (rule: Rule, detail: string): void => {
      violations.push({ rule, taskId, detail })
    }
    checkBeginning(events, breach)
    checkEnding(events, breach)
    checkAttempts(events, breach)
    const end = events.find(isEnding)
    if (end === undefined) unfinished.add(taskId)
    else ends[end.type] += 1
  }
  const submissions = [...accepted]
  checkTold(submissions, histories, violations)
  for (const submission of checkKeys(submissions, violations)) {
    if (histories.has(submission.taskId)) continue
    unfinished.add(submission.taskId)
    violations.push({ rule: 'I1', taskId: submission.taskId, detail: 'accepted, not in the log' })
  }
  return { violations, unfinished: [...unfinished], tasks: histories.size, ...ends }
}

type Breach = (rule: Rule, detail: string) => void
type Ending = LoggedEvent & { readonly type: 'completed' | 'failed' | 'cancelled' }

/** Whether an event ends its task. */
export function isEnding(event: LoggedEvent): event is Ending {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled'
}

function checkBeginning(events: readonly LoggedEvent[], breach: Breach): void {
  const first = events[0]
  if (first?.type !== 'submitted') breach('I1', `begins with ${first?.type ?? 'nothing'}`)
  const submissions = events.filter(({ type }) => type === 'submitted').length
  if (submissions > 1) breach('I1', `submitted ${submissions} times`)
}

function checkEnding(events: readonly LoggedEvent[], breach: Breach): void {
  const at = events.findIndex(isEnding)
  if (at < 0 || at === events.length - 1) return
  const after = events.slice(at + 1)
  const endings = after.filter(isEnding).length
  if (endings > 0) breach('I2', `${endings + 1} endings`)
  if (after.length > endings) breach('I2', `${after.length - endings} events after the ending`)
}

function checkAttempts(events: readonly LoggedEvent[], breach: Breach): void {
  let seq = 0
  // The first attempt writes no start event, except in a task that waited before it.
  let attempt = events[0]?.waits === true ? 0 : 1
  let waiting = false
  const steps = new Set<number>()
  for (const event of events) {
    if (event.seq <= seq) breach('I3', `sequence ${event.seq} after ${seq}`)
    seq = event.seq
    if (waiting && !mayEndWait(event)) breach('I3', `${event.type} of a task that waits`)
    waiting = event.waits === true
    if (event.step !== undefined) {
      if (steps.has(event.step)) breach('I3', `call ${event.step} finished twice`)
      steps.add(event.step)
    }
    if (event.attempt === undefined) continue
    if (event.attempt < attempt) {
      breach('I3', `${event.type} of attempt ${event.attempt} after attempt ${attempt} began`)
    } else if (event.type === 'attempt-started') {
      if (event.attempt === attempt) breach('I3', `attempt ${attempt} began twice`)
    } else if (event.attempt > attempt) {
      breach('I3', `${event.type} of attempt ${event.attempt}, which never began`)
    }
    attempt = Math.max(attempt, event.attempt)
  }
}

function mayEndWait(event: LoggedEvent): boolean {
  return event.type === 'released' || event.type === 'resumed' || isEnding(event)
}

/** Upholds I5. A task that is not in the log breaks I1. */
function checkTold(
  accepted: readonly Accepted[],
  histories: Histories,
  violations: Violation[],
): void {
  for (const { taskId, told } of accepted) {
    const events = histories.get(taskId)
    if (told === undefined || events === undefined) continue
    const stored = events.find(isEnding)?.type ?? 'nothing'
    if (stored === told) continue
    violations.push({ rule: 'I5', taskId, detail: `told ${told}, stored ${stored}` })
  }
}

/** Upholds I4; yields each accepted task once. */
function checkKeys(accepted: Iterable<Accepted>, violations: Violation[]): Iterable<Accepted> {
  const byTask = new Map<string, Accepted>()
  const byKey = new Map<string, string>()
  for (const submission of accepted) {
    const { taskId, key, tenant = '' } = submission
    byTask.set(taskId, submission)
    if (key === undefined) continue
    const name = JSON.stringify([tenant, key])
    const known = byKey.get(name)
    if (known === undefined) byKey.set(name, taskId)
    else if (known !== taskId) {
      violations.push({ rule: 'I4', taskId, detail: `key ${name} led to ${known} before` })
    }
  }
  return byTask.values()
}

/** Calls of one step of a task, by the simulator's counts. */
export interface CallCount {
  readonly taskId: string
  readonly step: string
  readonly started: number
  readonly finished: number
  /** When the step was asked for last, in epoch milliseconds. */
  readonly lastStartedAtMs?: number
}

/** When each call was stored: the answer of `taskId/step`, and the result of `taskId`, in epoch milliseconds. */
export type StoredAt = ReadonlyMap<string, number>

/** Calls that were paid for more than once, over all simulators. */
export interface PaidTwice {
  /** Steps begun more than once: calls cut off by a crash count here, and are allowed. */
  readonly startedTwice: number
  /** Steps whose answer was complete more than once: a crash between answer and journal, or a fault. */
  readonly finishedTwice: number
  /**
   * Of these, steps that were asked for again although the log held their answer: the fleet could have known.
   * The others had answers that were under way when their node died, froze or lost its connection.
   */
  readonly storedTwice: number
}

/** Clocks of the processes of one machine agree within this, milliseconds. */
const CLOCK_TOLERANCE_MS = 20

/** Adds up counts per step: two simulators may each have seen one of two calls. */
export function paidTwice(
  counts: Iterable<CallCount>,
  storedAt: StoredAt = new Map<string, number>(),
): PaidTwice {
  const sums = new Map<string, Required<CallCount>>()
  for (const { taskId, step, started, finished, lastStartedAtMs = 0 } of counts) {
    const name = `${taskId}/${step}`
    const sum = sums.get(name)
    sums.set(name, {
      taskId,
      step,
      started: started + (sum?.started ?? 0),
      finished: finished + (sum?.finished ?? 0),
      lastStartedAtMs: Math.max(lastStartedAtMs, sum?.lastStartedAtMs ?? 0),
    })
  }
  const all = [...sums]
  const twice = all.filter(([, { finished }]) => finished > 1)
  const stored = twice.filter(([name, { taskId, lastStartedAtMs }]) => {
    const atMs = storedAt.get(name) ?? storedAt.get(taskId) ?? Infinity
    return lastStartedAtMs > atMs + CLOCK_TOLERANCE_MS
  })
  return {
    startedTwice: all.filter(([, { started }]) => started > 1).length,
    finishedTwice: twice.length,
    storedTwice: stored.length,
  }
}

/** One line for people: the number of violations, and the first few of them. */
export function describeFindings({ violations, unfinished, ...counts }: Findings): string {
  const { tasks, completed, failed, cancelled } = counts
  const base = `${tasks} tasks: ${completed} completed, ${failed} failed, ${cancelled} cancelled, ${unfinished.length} not ended`
  if (violations.length === 0) return `${base}; 0 violations`
  const shown = violations.slice(0, 5).map((v) => `${v.rule} ${v.taskId}: ${v.detail}`)
  return `${base}; ${violations.length} VIOLATIONS: ${shown.join('; ')}`
}
