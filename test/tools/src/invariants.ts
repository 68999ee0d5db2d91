import { checkBegin, checkChildren, checkDecisions } from './invariants/between-tasks.ts'
import {
  isEnding,
  type Decision,
  type Ending,
  type Histories,
  type LoggedEvent,
} from './invariants/logged-event.ts'
import type { Breach, Rule, Violation } from './invariants/violation.ts'

/**
 * The invariants of every log, for any faults of the fleet. Pure: histories and accepted submissions in,
 * violations out. Simulation, e2e and chaos tests, replay and bench all check with this file; the folder
 * `invariants` holds its parts, and `effects` there the rules about tools and schedules; `chaos/viewers` checks I10.
 *
 * - I1: a task that was accepted has `submitted` in the log, once and first.
 * - I2: an ended task has exactly one terminal event, and nothing follows it.
 * - I3: attempts never decrease, each begins once, and no call of a run is finished twice; the only events of
 *   a waiting task are the end of its wait and its own ending.
 * - I4: the same tenant and idempotency key lead to one task.
 * - I5: an ending or a decision that an answer told its caller is the one in the log.
 * - I6: a task begins only after the tasks that it depends on have ended, and after its `notBefore`.
 * - I7: a step of a run makes its children once, and its parent alone makes a child. The parent continues
 *   and completes only after they have ended.
 * - I8: a call that needs approval is decided once; it is made only if it was approved, once in each attempt.
 * - I9: a schedule submits tasks only of its ticks, and only while it is stored.
 * - I10: a viewer of a task gets every event of it, once and in order, up to its end.
 */

/** A submission that was answered as stored. */
export interface Accepted {
  readonly taskId: string
  readonly tenant?: string
  readonly key?: string
  /** The ending that the answer told, if it told one. */
  readonly told?: Ending['type']
  /** The decision that the answer called stored. */
  readonly decided?: Decision
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
    checkBegin(events, histories, breach)
    checkChildren(taskId, events, histories, breach)
    checkDecisions(events, breach)
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
  for (const { taskId, told, decided } of accepted) {
    const events = histories.get(taskId)
    if (events === undefined) continue
    if (decided !== undefined) {
      const { step, approved } = decided
      const stored = events.find((event) => event.decided?.step === step)?.decided?.approved
      if (stored !== approved) {
        const detail = `told ${approved ? 'approved' : 'refused'} of step ${step}, stored ${stored}`
        violations.push({ rule: 'I5', taskId, detail })
      }
    }
    if (told === undefined) continue
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

/** One line for people: the number of violations, and the first few of them. */
export function describeFindings({ violations, unfinished, ...counts }: Findings): string {
  const { tasks, completed, failed, cancelled } = counts
  const base = `${tasks} tasks: ${completed} completed, ${failed} failed, ${cancelled} cancelled, ${unfinished.length} not ended`
  if (violations.length === 0) return `${base}; 0 violations`
  const shown = violations.slice(0, 5).map((v) => `${v.rule} ${v.taskId}: ${v.detail}`)
  return `${base}; ${violations.length} VIOLATIONS: ${shown.join('; ')}`
}
