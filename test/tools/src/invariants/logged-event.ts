import { dueAtMs, startOf, transition, type Submitted, type TaskEvent } from '@agentfleet/domain'

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
  /** Of a submission: what the task has to wait for, and who made it. */
  readonly needs?: Needs
  /** Of `spawned`: the children that a step made. */
  readonly made?: { readonly step: number; readonly taskIds: readonly string[] }
  /** Of `paused`: the children that the run waits for. */
  readonly awaits?: readonly string[]
  /** Of `paused`: the step that needs approval, and its tool. */
  readonly asks?: { readonly step: number; readonly tool: string }
  /** Of `resumed`: the decision on a step. */
  readonly decided?: Decision
}

/** What a task has to wait for before its first run, and the task that made it. */
interface Needs {
  readonly dependsOn?: readonly string[]
  /** It runs even if a dependency did not complete. */
  readonly anyEnding?: boolean
  readonly notBeforeMs?: number
  readonly parentId?: string
}

/** A decision on a step that needed approval. */
export interface Decision {
  readonly step: number
  readonly approved: boolean
}

/** All events by task, in the order they were stored. */
export type Histories = ReadonlyMap<string, readonly LoggedEvent[]>

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
    ...betweenTasks(event, storedAtMs),
  }
}

/** The part of an event that concerns other tasks, people or times; most events have none. */
function betweenTasks(event: TaskEvent, storedAtMs: number | undefined): Partial<LoggedEvent> {
  if (event.type === 'submitted') return neededBy(event, storedAtMs)
  if (event.type === 'spawned') {
    const { step, children } = event
    return { made: { step, taskIds: children.map(({ taskId }) => taskId) } }
  }
  if (event.type === 'paused') {
    if (event.wait.kind === 'children') return { awaits: event.wait.taskIds }
    if (event.wait.kind !== 'approval') return {}
    return { asks: { step: event.wait.step, tool: event.wait.tool } }
  }
  if (event.type !== 'resumed' || event.approval === undefined) return {}
  const { step, approved } = event.approval
  return { decided: { step, approved } }
}

function neededBy(event: Submitted, storedAtMs: number | undefined): Pick<LoggedEvent, 'needs'> {
  const { spec, parent } = event
  const { dependsOn, onDependencyFailure } = spec
  const waitsForTime = spec.notBeforeMs !== undefined || spec.delayMs !== undefined
  if (dependsOn === undefined && parent === undefined && !waitsForTime) return {}
  const first = transition('', undefined, event, 1, storedAtMs).record
  // A delay that is over when the log stores the task does not count.
  const dueMs = first?.waitingFor === undefined ? undefined : dueAtMs(spec, startOf(first))
  return {
    needs: {
      ...(dependsOn === undefined ? {} : { dependsOn }),
      ...(onDependencyFailure === 'continue' ? { anyEnding: true } : {}),
      ...(waitsForTime && dueMs !== undefined ? { notBeforeMs: dueMs } : {}),
      ...(parent === undefined ? {} : { parentId: parent.taskId }),
    },
  }
}

function beginsToWait(event: TaskEvent, storedAtMs: number | undefined): boolean {
  if (event.type === 'paused') return true
  if (event.type !== 'submitted') return false
  // A delay that is over when the log stores the task does not count.
  const first = transition('', undefined, event, 1, storedAtMs)
  return first.kind === 'applied' && first.record.waitingFor !== undefined
}

/** The end of a task. */
export type Ending = LoggedEvent & { readonly type: 'completed' | 'failed' | 'cancelled' }

/** Whether an event ends its task. */
export function isEnding(event: LoggedEvent): event is Ending {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled'
}

/** The ending that is stored before this sequence. */
export function endBefore(
  events: readonly LoggedEvent[] | undefined,
  seq: number,
): Ending | undefined {
  const end = events?.find(isEnding)
  return end !== undefined && end.seq < seq ? end : undefined
}

/** Clocks of the processes of one machine agree within this, milliseconds. */
export const CLOCK_TOLERANCE_MS = 20
