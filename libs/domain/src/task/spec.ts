import type { GoalSpec } from '../goal/plan.ts'
import type { Usage } from '../llm/price.ts'
import type { Budget, Json, RunLimits, Sampling } from './values.ts'

/** The content of a task at its submission. */

/** One scale for needs and urgency. */
export const LEVELS = ['low', 'medium', 'high'] as const
/** A need or an urgency: low, medium or high. */
export type Level = (typeof LEVELS)[number]

/** Every state a task can be in. */
export const TASK_STATES = [
  'waiting',
  'queued',
  'running',
  'retrying',
  'completed',
  'failed',
  'cancelled',
] as const
/** The state of a task; the last three are terminal. */
export type TaskState = (typeof TASK_STATES)[number]

/** Every way in which the node of a task can be chosen. */
export const PLACEMENT_MODES = ['auto', 'advised'] as const
/** How the node of a task is chosen: by the policy alone, or by the adviser among the policy's candidates. */
export type PlacementMode = (typeof PLACEMENT_MODES)[number]

/** The stored definition of an agent that a task was resolved from; version 0 is a built-in one. */
export interface DefinitionRef {
  readonly name: string
  readonly version: number
}

/** A user's request, with every default and the agent's definition filled in. */
export interface TaskSpec {
  readonly task: string
  readonly systemPrompt?: string
  readonly context?: Json
  /** Role or name of the LLM agent that runs the task. */
  readonly agent: string
  readonly model: string
  readonly cpu: Level
  readonly memory: Level
  readonly priority: Level
  /** Longest lifetime of the task from its submission, in milliseconds. */
  readonly timeoutMs: number
  /** Failures that end the task; lost attempts have a separate bound (`LOST_ATTEMPTS_MAX`). */
  readonly maxAttempts: number
  readonly maxOutputTokens?: number
  readonly sampling?: Sampling
  readonly metadata?: Readonly<Record<string, string>>
  /** Tasks of one tenant with the same key go to the same node while it has room. */
  readonly affinityKey?: string
  /** `advised`: the adviser picks among the nodes that the filter passed; absent: `auto`. */
  readonly placement?: PlacementMode
  /** The source of the agent's part of this spec; a snapshot, never looked up again. */
  readonly definition?: DefinitionRef
  /** Models to use, in this order, when `model` is unavailable. */
  readonly fallbackModels?: readonly string[]
  /** Names of the tools that the agent may use, or `beginning*`; absent: the built-in ones. */
  readonly tools?: readonly string[]
  /** JSON schema that the result must satisfy. */
  readonly responseSchema?: { readonly [key: string]: Json }
  readonly budget?: Budget
  readonly limits?: RunLimits
  /** The key that submitted it, or the key of the task that made it; absent: the API is open. */
  readonly submittedBy?: string
  /** The key that chose its text, if `submittedBy` submitted the text of another key again. */
  readonly writtenBy?: string
  /** `other-keys`: neither `submittedBy` nor `writtenBy` may approve its calls; absent: any key may. */
  readonly approvers?: 'other-keys'
  /** The ended task that this task replays. */
  readonly replayOf?: string
  /** Tasks of the same tenant that must have ended before this task runs. */
  readonly dependsOn?: readonly string[]
  /** `continue`: the task runs even if a dependency did not complete; absent: `fail`. */
  readonly onDependencyFailure?: 'fail' | 'continue'
  /** Epoch time before which it does not run. */
  readonly notBeforeMs?: number
  /** Time from the submission during which it does not run. */
  readonly delayMs?: number
  /** The task is a goal: its run plans it, runs the plan as children, and combines their results. */
  readonly goal?: GoalSpec
}

/** The provider of an LLM call, with the price that was found for it. */
export interface CalledBy {
  readonly provider: string
  readonly model: string
  /** Version of the price table; absent when the model has no price. */
  readonly prices?: string
}

/** Why an attempt or a task failed. */
export interface TaskError {
  readonly code: string
  readonly message: string
}

/** One finished LLM or tool call of a run, kept so that no later attempt pays for it again. */
export interface JournaledCall {
  /** Position in the run, from 0. */
  readonly step: number
  readonly kind: 'llm' | 'tool'
  readonly name: string
  /** The call's answer, in the worker's own form. */
  readonly output: Json
  readonly usage: Usage
  /** Of LLM calls: the model and its provider. */
  readonly by?: CalledBy
  readonly times?: CallTimes
}

/** When a call was made, by the clock of its node. */
export interface CallTimes {
  /** When the run asked for it, epoch milliseconds. */
  readonly startedAtMs: number
  /** How long it waited for a limit before that, milliseconds; absent: not at all. */
  readonly waitedMs?: number
  /** From the request to the first token of the answer, milliseconds; of LLM calls. */
  readonly firstTokenMs?: number
}

/** Why a run is on its node, as the load balancer reported at the dispatch. */
export interface Placed {
  readonly node: string
  readonly reason: string
  /** The load balancer that chose. */
  readonly balancer: string
  /** Number of nodes among which it chose. */
  readonly considered: number
  readonly atMs: number
}
