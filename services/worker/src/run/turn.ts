import type { Logger } from '@agentfleet/adapters'
import type { AnswerChecks } from '@agentfleet/answer-schema'
import type {
  Approval,
  CalledBy,
  CallTimes,
  Failure,
  JournaledCall,
  Json,
  TaskSpec,
  Usage,
  ChildRef,
  TaskError,
  TaskInput,
  TenantTools,
} from '@agentfleet/domain'
import type { Pause } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { AnswerRule, Conversation } from './conversation.ts'
import type { Deltas } from './deltas.ts'
import type { Llm } from '../llm/llm.ts'
import type { WorkerMetrics } from '../metrics.ts'
import type { Run } from '../node/runs.ts'
import type { Tools } from '../tools/tool.ts'

/** The dependencies and results that all turns of an agent share. */

/** How the loop ended; `over` means that something else ended the run, and nothing is left to report. */
export type Ending =
  | {
      readonly kind: 'completed'
      readonly result: Json
      readonly usage: Usage
      /** The provider and model of the last call. */
      readonly by?: CalledBy
      readonly lastCall?: CallTimes
    }
  /** `partial`: the result so far when the budget ran out. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly partial?: Json }
  /** The run releases its slot and will begin again from its journal. */
  | { readonly kind: 'paused'; readonly wait: Pause }
  | { readonly kind: 'over' }

/** Dependencies of the loop. */
export interface AgentDeps {
  readonly llm: Llm
  /** Returns the present tools of the node: MCP servers come and go. */
  readonly tools: () => Tools
  /** Which of these tools each tenant may use. */
  readonly tenantTools: TenantTools
  readonly answerChecks: AnswerChecks
  readonly deltas: Omit<Deltas, 'soFar' | 'close'>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly metrics: WorkerMetrics
  readonly turnsMax: number
  readonly resultBytesMax: number
  /** Of all finished calls together: a longer journal could not be handed to another node. */
  readonly journalBytesMax: number
  /** Characters of a tool's output: the model reads all of it again in each later call. */
  readonly toolOutputMax: number
  /** Doubts the runs of the node if it stood still; call it before a step that costs money or has an effect. */
  noticePause(): void
  /** Commits a finished call; returns false if the run is over. */
  commit(run: Run, call: JournaledCall): Promise<boolean>
  /** Creates tasks for this run, once for each step; undefined if the run is over. */
  spawn(run: Run, step: number, specs: readonly TaskSpec[]): Promise<Spawning | undefined>
}

/** The outcome of creating tasks. */
type Spawning = { readonly kind: 'made' } | { readonly kind: 'rejected'; readonly error: TaskError }

/** Milliseconds. The coordinator fails the task at its deadline; a call is abandoned a little later. */
export const DEADLINE_GRACE_MS = 1_000

/** Where an attempt begins: the paid calls, and the decisions of people in the meantime. */
export interface Begun {
  readonly calls: readonly JournaledCall[]
  readonly approvals: readonly Approval[]
  /** The tasks that the run created, and the results of these and of the dependencies. */
  readonly children?: readonly ChildRef[]
  readonly inputs?: readonly TaskInput[]
}

/** What all turns of a run share. */
export interface Agent {
  readonly run: Run
  readonly spec: TaskSpec
  readonly tools: Tools
  readonly begun: Begun
  readonly rule: AnswerRule
  /** The size of the finished calls, which grows with each. */
  readonly journal: { bytes: number }
  readonly deps: AgentDeps
}

/** The result of a turn: the conversation after it, or the end of the run. */
export type Turn =
  | {
      readonly kind: 'talk'
      readonly talk: Conversation
      readonly last?: LastCall
    }
  | Ending

/** The provider and the times of a last call, which is committed with the completion. */
export interface LastCall {
  readonly by: CalledBy
  readonly lastCall: CallTimes
}

/** Something else ended the run. */
export const OVER: Extract<Ending, { kind: 'over' }> = { kind: 'over' }

/**
 * Waits until the coordinator has confirmed a run in doubt; false if the run is over. Another node may run the task
 * by now, and what both pay for or change happens twice.
 */
export async function isConfirmed(run: Run): Promise<boolean> {
  if (run.check !== undefined) await run.check
  return run.over === undefined
}

/** Ends the run with this failure. */
export function failed(failure: Failure): Extract<Ending, { kind: 'failed' }> {
  return { kind: 'failed', failure }
}

/** Pauses the run until these tasks have ended. */
export function awaiting(taskIds: readonly string[]): Ending {
  return { kind: 'paused', wait: { kind: 'children', taskIds: [...taskIds] } }
}

/** Returns the size of a value as JSON. */
export function bytesOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value))
}

/** More than the name, usage, provider and times of a journaled call take, bytes. */
const CALL_FRAME_BYTES = 512

/** Returns the size of a journaled call whose output has this size. */
export function journaledBytes(outputBytes: number): number {
  return outputBytes + CALL_FRAME_BYTES
}
