import { isTerminal, type TaskRecord } from '../task/task-record.ts'

/** The outcome for one task of a dead node; `stopped`: it failed for losing its nodes. */
export type TaskFate = 'waiting' | 'taken-up' | 'finished' | 'stopped'

/**
 * Whether a task continues elsewhere, by its record and by the load balancers' in-flight note; both lag
 * behind the log by a moment.
 */
export function fateOf(
  record: Pick<TaskRecord, 'state' | 'node' | 'updatedAtMs' | 'error'> | undefined,
  notedNode: string | undefined,
  death: { readonly nodeId: string; readonly redistributedAtMs: number },
): TaskFate {
  if (record !== undefined && isTerminal(record.state)) {
    return record.error?.code === 'attempts-lost' ? 'stopped' : 'finished'
  }
  // The run paused and gave its slot back; it continues when its wait ends.
  if (record?.state === 'waiting') return 'taken-up'
  if (notedNode !== undefined && notedNode !== death.nodeId) return 'taken-up'
  if (record === undefined || record.state === 'queued') return 'waiting'
  if (record.node !== undefined && record.node !== death.nodeId) return 'taken-up'
  // An attempt that began later can only be a new one, on any node.
  return record.updatedAtMs > death.redistributedAtMs ? 'taken-up' : 'waiting'
}

/** The progress of a recovery. */
export interface OutcomeView {
  readonly successor: 'none' | 'resumed' | 'restarted'
  readonly action: 'restart' | 'replace' | 'investigate' | 'quarantine' | 'none'
  readonly actionFailed: boolean
  readonly notesReadable: boolean
  /** Watched tasks, and those of them that are settled. */
  readonly tasks: number
  readonly settled: number
  /** Tasks that were stopped for losing their nodes. */
  readonly stopped: number
  /** Living nodes before the death and now; absent when no snapshot arrived. */
  readonly nodesBefore?: number
  readonly nodesNow?: number
  /** This look is the last one. */
  readonly last: boolean
}

/** How a failure ended, or that it has not ended yet. */
export interface OutcomeDecision {
  readonly kind: 'wait' | 'recovered' | 'resumed' | 'unresolved'
  readonly reason: string
}

/** Recovered when every watched task continues and the node, if that was ordered, is replaced. */
export function decideOutcome(view: OutcomeView): OutcomeDecision {
  const tasksBack = view.settled >= view.tasks
  if (tasksBack && view.notesReadable) {
    if (view.successor === 'resumed' && view.action !== 'quarantine') {
      return { kind: 'resumed', reason: 'same-process-goes-on' }
    }
    if (nodeBack(view)) return { kind: 'recovered', reason: recoveredBy(view) }
  }
  if (!view.last) return { kind: 'wait', reason: tasksBack ? 'node-missing' : 'tasks-waiting' }
  if (!view.notesReadable) return { kind: 'unresolved', reason: 'tasks-unknown' }
  if (!tasksBack) return { kind: 'unresolved', reason: 'tasks-waiting' }
  return { kind: 'unresolved', reason: view.actionFailed ? 'action-failed' : 'node-missing' }
}

function recoveredBy({ stopped, tasks, action, successor }: OutcomeView): string {
  if (stopped > 0) return 'task-stopped-as-cause'
  if (tasks > 0) return 'tasks-go-on'
  return action === 'none' && successor === 'none' ? 'nothing-to-recover' : 'node-back'
}

function nodeBack(view: OutcomeView): boolean {
  // No replacement was ordered: only the tasks are awaited.
  if (view.action === 'none') return true
  if (view.action !== 'quarantine' && view.successor !== 'none') return true
  if (view.nodesBefore === undefined || view.nodesNow === undefined) {
    return view.action !== 'investigate' && !view.actionFailed
  }
  return view.nodesNow >= view.nodesBefore
}
