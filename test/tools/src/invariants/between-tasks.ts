import { CLOCK_TOLERANCE_MS, endBefore, type Histories, type LoggedEvent } from './logged-event.ts'
import type { Breach } from './violation.ts'

/** The rules about more than one task, and about times and people. */

/** Upholds I6. The events of all tasks share one sequence. */
export function checkBegin(
  events: readonly LoggedEvent[],
  histories: Histories,
  breach: Breach,
): void {
  const { dependsOn = [], anyEnding = false, notBeforeMs = 0 } = events[0]?.needs ?? {}
  const begin = events
    .slice(1)
    .find(({ type }) => type !== 'failed' && type !== 'cancelled' && type !== 'submitted')
  for (const taskId of begin === undefined ? [] : dependsOn) {
    const others = histories.get(taskId)
    // A dependency may have ended before the check began to read.
    if (others === undefined) continue
    const end = endBefore(others, begin!.seq)
    if (end === undefined) breach('I6', `began before ${taskId} ended`)
    else if (end.type !== 'completed' && !anyEnding) {
      breach('I6', `began although ${taskId} ended as ${end.type}`)
    }
  }
  const early = events.find(
    ({ type, attempt, atMs }) =>
      type !== 'failed' && attempt !== undefined && atMs < notBeforeMs - CLOCK_TOLERANCE_MS,
  )
  if (early === undefined) return
  breach('I6', `${early.type} ${Math.round(notBeforeMs - early.atMs)} ms before its time`)
}

/** Upholds I7. */
export function checkChildren(
  taskId: string,
  events: readonly LoggedEvent[],
  histories: Histories,
  breach: Breach,
): void {
  const [first] = events
  const parent = histories.get(first?.needs?.parentId ?? '')
  const isMade = ({ made, seq }: LoggedEvent): boolean =>
    made?.taskIds.includes(taskId) === true && seq < (first?.seq ?? 0)
  if (parent?.some(isMade) === false) breach('I7', 'a child that its parent did not make')
  const children: string[] = []
  const steps = new Set<number>()
  let awaited: readonly string[] = []
  for (const { type, seq, made, awaits = [], decided } of events) {
    if (made !== undefined) {
      if (steps.has(made.step)) breach('I7', `step ${made.step} made its children twice`)
      steps.add(made.step)
      children.push(...made.taskIds)
    }
    const needed =
      type === 'resumed' && decided === undefined ? awaited : type === 'completed' ? children : []
    for (const child of needed) {
      if (endBefore(histories.get(child), seq) === undefined) {
        breach('I7', `${type} before its child ${child} ended`)
      }
    }
    awaited = awaits
  }
}

/** Upholds the part of I8 that the log alone shows. */
export function checkDecisions(events: readonly LoggedEvent[], breach: Breach): void {
  const steps = new Set<number>()
  let asked: LoggedEvent['asks']
  for (const { decided, asks } of events) {
    if (decided !== undefined) {
      const { step } = decided
      if (asked?.step !== step) breach('I8', `step ${step} was decided, which did not wait`)
      if (steps.has(step)) breach('I8', `step ${step} was decided twice`)
      steps.add(step)
    }
    asked = asks
  }
}
