import type { Json } from './values.ts'
import type { TaskSpec } from './spec.ts'

/**
 * Why a task waits without a slot and without a pointer. A submission may bring `dependencies` and `time`, a
 * run that pauses `time`, `approval` and `children`.
 */
export type Waiting =
  | { readonly kind: 'dependencies'; readonly taskIds: readonly string[] }
  | { readonly kind: 'time'; readonly untilMs: number }
  | {
      readonly kind: 'approval'
      /** The step of the run that needs a person's approval. */
      readonly step: number
      readonly tool: string
      readonly arguments: Json
    }
  | { readonly kind: 'children'; readonly taskIds: readonly string[] }

/** A person's answer to a step that asked for approval. */
export interface Approval {
  readonly step: number
  readonly approved: boolean
  readonly by: string
  /** Who decided, as the request said. */
  readonly person?: string
  readonly note?: string
  /** When the decision was stored. */
  readonly atMs?: number
}

/** The task that made this task, and how many levels below the first task this task is. */
export interface ParentRef {
  readonly taskId: string
  readonly step: number
  /** 1 for a child of a submitted task. */
  readonly depth: number
}

/** A task made by a run, with the step that made it. */
export interface ChildRef {
  readonly taskId: string
  readonly step: number
}

/** The outcome of an awaited task, for the run that starts. */
export interface TaskInput {
  readonly from: 'dependency' | 'child'
  readonly taskId: string
  readonly state: 'completed' | 'failed' | 'cancelled' | 'unknown'
  readonly result?: Json
  readonly error?: { readonly code: string; readonly message: string }
  /** Why the result itself is missing here. */
  readonly note?: string
}

/** Tasks that one task may depend on. */
export const DEPENDENCIES_MAX = 100
/** Children that one task may have in its life. */
export const CHILDREN_MAX = 100
/** How many levels children of children may be below a submitted task. */
export const DEPTH_MAX = 5
/**
 * Pauses of one task: far more than people approve, plans are changed or a provider delays, and few enough to
 * end a loop well before the history is full.
 */
export const PAUSES_MAX = 1_000
/** A waiting task holds the log from its submission on, so its delay is bounded: a week, milliseconds. */
export const DELAY_MAX_MS = 7 * 86_400_000

/** Epoch time before which a task submitted at `atMs` does not run. */
export function dueAtMs(spec: TaskSpec, atMs: number): number {
  return Math.max(atMs, spec.notBeforeMs ?? 0, atMs + (spec.delayMs ?? 0))
}

/** The wait of a task at its submission; undefined: it may run at once. */
export function firstWait(spec: TaskSpec, atMs: number): Waiting | undefined {
  const { dependsOn = [] } = spec
  if (dependsOn.length > 0) return { kind: 'dependencies', taskIds: dependsOn }
  return timeWait(spec, atMs, atMs)
}

/** The rest of the wait once the dependencies have ended, at `nowMs`. */
export function timeWait(spec: TaskSpec, atMs: number, nowMs: number): Waiting | undefined {
  const untilMs = dueAtMs(spec, atMs)
  return untilMs > nowMs ? { kind: 'time', untilMs } : undefined
}

/** The tasks whose endings a wait needs. */
export function awaitedTasks(waiting: Waiting | undefined): readonly string[] {
  if (waiting?.kind === 'dependencies' || waiting?.kind === 'children') return waiting.taskIds
  return []
}
