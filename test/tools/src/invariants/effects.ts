import {
  CLOCK_TOLERANCE_MS,
  endBefore,
  isEnding,
  type Histories,
  type LoggedEvent,
} from './logged-event.ts'
import type { Violation } from './violation.ts'

/** The rules about what a fleet does outside its tasks: the calls of tools, and the ticks of schedules. */

/** A call of a tool that needs approval, as the tool itself has counted it. */
export interface MadeCall {
  readonly taskId: string
  readonly step: number
}

/**
 * Upholds I8 with the calls that this tool has seen: none without approval, each approved call of a completed
 * task at least once, and at most once in each attempt since its approval.
 */
export function checkMadeCalls(
  histories: Histories,
  tool: string,
  made: Iterable<MadeCall>,
): Violation[] {
  const violations: Violation[] = []
  const counts = new Map<string, number>()
  for (const { taskId, step } of made) {
    const name = `${taskId}.${step}`
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    const events = histories.get(taskId) ?? []
    const at = events.findIndex(({ decided }) => decided?.step === step)
    const detail = approvedCallProblem(events, at, count)
    if (detail !== undefined)
      violations.push({ rule: 'I8', taskId, detail: `call ${step} ${detail}` })
  }
  for (const [taskId, events] of histories) {
    if (events.find(isEnding)?.type !== 'completed') continue
    for (const [at, { decided }] of events.entries()) {
      if (decided?.approved !== true || events[at - 1]?.asks?.tool !== tool) continue
      if (counts.has(`${taskId}.${decided.step}`)) continue
      const detail = `call ${decided.step} was approved and never made`
      violations.push({ rule: 'I8', taskId, detail })
    }
  }
  return violations
}

function approvedCallProblem(
  events: readonly LoggedEvent[],
  decidedAt: number,
  count: number,
): string | undefined {
  const decision = events[decidedAt]?.decided
  if (decision === undefined) return 'was made without a decision'
  if (!decision.approved) return 'was refused, and made'
  const attempts = events.slice(decidedAt).filter(({ type }) => type === 'attempt-started').length
  return count <= attempts ? undefined : `was made ${count} times in ${attempts} attempts`
}

/** A schedule that was stored from one time to another, and the tasks of the log that say they are its ticks. */
export interface StoredSchedule {
  readonly name: string
  /** Earliest and latest time at which it may have been stored, epoch milliseconds. */
  readonly fromMs: number
  readonly untilMs: number
  /** No task is submitted while the last one has not ended. */
  readonly alone: boolean
  readonly taskIds: Iterable<string>
  /** The id of the task of a tick. */
  readonly idOf: (tickMs: number) => string
}

const SECOND_MS = 1_000

/** Upholds I9 of a schedule with a tick in each second. */
export function checkTicks(schedule: StoredSchedule, histories: Histories): Violation[] {
  const { name, fromMs, untilMs, alone, taskIds, idOf } = schedule
  const violations: Violation[] = []
  const ticks = new Map<string, number>()
  const firstMs = Math.ceil(fromMs / SECOND_MS) * SECOND_MS
  for (let ms = firstMs; ms <= untilMs; ms += SECOND_MS) ticks.set(idOf(ms), ms)
  let last: readonly [taskId: string, events: readonly LoggedEvent[]] | undefined
  for (const taskId of taskIds) {
    const breach = (detail: string): void => {
      violations.push({ rule: 'I9', taskId, detail: `${name}: ${detail}` })
    }
    const events = histories.get(taskId) ?? []
    const [submitted] = events
    const tickMs = ticks.get(taskId)
    if (tickMs === undefined) breach('a task of no tick while it was stored')
    else if ((submitted?.atMs ?? 0) < tickMs - CLOCK_TOLERANCE_MS) breach('a task before its tick')
    if (alone && last !== undefined && endBefore(last[1], submitted?.seq ?? 0) === undefined) {
      breach(`submitted before ${last[0]} ended`)
    }
    last = [taskId, events]
  }
  return violations
}
