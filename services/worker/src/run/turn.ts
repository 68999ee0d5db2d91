import type { Logger } from '@agentfleet/adapters'
import type { AnswerChecks } from '@agentfleet/answer-schema'
import type {
  Approval,
  CalledBy,
  Failure,
  JournaledCall,
  Json,
  TaskSpec,
  Usage,
  ChildRef,
  TaskError,
  TaskInput,
} from '@agentfleet/domain'
import type { Pause } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { AnswerRule, Conversation } from './conversation.ts'
import type { Deltas } from './deltas.ts'
import type { Llm } from '../llm/llm.ts'
import type { WorkerMetrics } from '../metrics.ts'
import type { Run } from '../node/runs.ts'
import type { Tools } from '../tools/tool.ts'

/** What the turns of an agent have in common: what they need, and how they end. */

/** How the loop ended; `over` means that the run was ended meanwhile and nothing is left to say. */
export type Ending =
  | {
      readonly kind: 'completed'
      readonly result: Json
      readonly usage: Usage
      /** Who answered the last call. */
      readonly by?: CalledBy
    }
  /** `partial`: what the run had come to when its budget ran out. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly partial?: Json }
  /** The run waits without its slot, and begins again from its journal. */
  | { readonly kind: 'paused'; readonly wait: Pause }
  | { readonly kind: 'over' }

/** What the loop needs. */
export interface AgentDeps {
  readonly llm: Llm
  /** The tools of the node as they are now: MCP servers come and go. */
  readonly tools: () => Tools
  readonly answerChecks: AnswerChecks
  readonly deltas: Deltas
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly metrics: WorkerMetrics
  readonly turnsMax: number
  readonly resultBytesMax: number
  /** Largest output of a tool, characters: all of it goes to the model again and again. */
  readonly toolOutputMax: number
  /** Commits a finished call; false when the run is over. */
  commit(run: Run, call: JournaledCall): Promise<boolean>
  /** Makes tasks of this run's own, once for each step; undefined: the run is over. */
  spawn(run: Run, step: number, specs: readonly TaskSpec[]): Promise<Spawning | undefined>
}

/** What became of a wish to make tasks. */
export type Spawning =
  { readonly kind: 'made' } | { readonly kind: 'rejected'; readonly error: TaskError }

/** The coordinator ends the task at its deadline; a call is given up a little later, milliseconds. */
export const DEADLINE_GRACE_MS = 1_000

/** Where an attempt begins: what is paid for, and what people said meanwhile. */
export interface Begun {
  readonly calls: readonly JournaledCall[]
  readonly approvals: readonly Approval[]
  /** Tasks that the run made, and what became of them and of those the task depends on. */
  readonly children?: readonly ChildRef[]
  readonly inputs?: readonly TaskInput[]
}

/** What stays the same for all turns of a run. */
export interface Agent {
  readonly run: Run
  readonly spec: TaskSpec
  readonly tools: Tools
  readonly begun: Begun
  readonly rule: AnswerRule
  readonly deps: AgentDeps
}

/** What a turn comes to: the conversation after it, or the end of the run. */
export type Turn =
  { readonly kind: 'talk'; readonly talk: Conversation; readonly by?: CalledBy } | Ending

/** The run was ended meanwhile. */
export const OVER: Ending = { kind: 'over' }

/** The run ends with this failure. */
export function failed(failure: Failure): Extract<Ending, { kind: 'failed' }> {
  return { kind: 'failed', failure }
}

/** Whether a value is no larger than this as JSON. */
export function fits(value: Json, bytesMax: number): boolean {
  return Buffer.byteLength(JSON.stringify(value)) <= bytesMax
}
