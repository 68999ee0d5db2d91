import type { TaskRecord } from './task-record.ts'
import type { Completed, Failed, Cancelled } from './task-event.ts'
import { awaitedTasks } from './wait.ts'
import type { TaskError } from './spec.ts'

/** How an awaited task ended; `open`: not ended, or not stored yet; `gone`: its outcome is no longer stored. */
export type Fate = (Completed | Failed | Cancelled)['type'] | 'open' | 'gone'

/** The next step for a waiting task. */
export type ReleaseDecision =
  | { readonly kind: 'wait'; readonly reason: 'not-due' | 'open' | 'approval' | 'not-waiting' }
  | { readonly kind: 'release'; readonly reason: 'dependencies' | 'time' }
  | { readonly kind: 'resume'; readonly reason: 'children' }
  | { readonly kind: 'fail'; readonly reason: 'dependency-failed'; readonly error: TaskError }

/** Whether a task's wait is over; `fates` holds those of the tasks that it awaits. */
export function decideRelease(
  record: TaskRecord,
  fates: ReadonlyMap<string, Fate>,
  nowMs: number,
): ReleaseDecision {
  const { waitingFor, spec } = record
  const awaited = awaitedTasks(waitingFor)
  switch (waitingFor?.kind) {
    case undefined:
      return { kind: 'wait', reason: 'not-waiting' }
    case 'approval':
      return { kind: 'wait', reason: 'approval' }
    case 'time':
      return nowMs < waitingFor.untilMs
        ? { kind: 'wait', reason: 'not-due' }
        : { kind: 'release', reason: 'time' }
    case 'children':
      // The run decides about a child that did not complete.
      return awaited.some((taskId) => fateIn(fates, taskId) === 'open')
        ? { kind: 'wait', reason: 'open' }
        : { kind: 'resume', reason: 'children' }
    case 'dependencies': {
      const broken = awaited.find((taskId) => isBroken(fateIn(fates, taskId)))
      if (broken !== undefined && spec.onDependencyFailure !== 'continue') {
        const error = dependencyError(broken, fateIn(fates, broken))
        return { kind: 'fail', reason: 'dependency-failed', error }
      }
      return awaited.some((taskId) => fateIn(fates, taskId) === 'open')
        ? { kind: 'wait', reason: 'open' }
        : { kind: 'release', reason: 'dependencies' }
    }
  }
}

function fateIn(fates: ReadonlyMap<string, Fate>, taskId: string): Fate {
  return fates.get(taskId) ?? 'open'
}

function isBroken(fate: Fate): boolean {
  return fate === 'failed' || fate === 'cancelled' || fate === 'gone'
}

function dependencyError(taskId: string, fate: Fate): TaskError {
  const task = `the task ${taskId}, on which this task depends,`
  const ends = { gone: `${task} is no longer stored`, failed: `${task} failed` }
  const message = fate === 'gone' || fate === 'failed' ? ends[fate] : `${task} was cancelled`
  return { code: 'dependency-failed', message }
}
