import type { ProviderLimits } from '@agentfleet/adapters'
import type { Budget, CalledBy, Failure, Json, Level, Sampling, Usage } from '@agentfleet/domain'
import type { LlmAnswer, Message } from '../run/conversation.ts'
import type { ToolOffer } from '../tools/tool.ts'
import type { TenantBudgets } from './provider-config.ts'
import type { Provider } from './provider.ts'

/** One call. */
export interface LlmRequest {
  readonly taskId: string
  readonly step: number
  readonly tenant: string
  readonly priority: Level
  /** When the task came: where calls wait, the older ones go first. */
  readonly sinceMs: number
  readonly model: string
  readonly fallbackModels?: readonly string[] | undefined
  readonly messages: readonly Message[]
  readonly tools: readonly ToolOffer[]
  /** The task names no tools: a model that takes none is called without the built-in ones. */
  readonly toolsOptional: boolean
  readonly sampling?: Sampling | undefined
  /** The final answer is JSON of this schema. */
  readonly responseSchema?: Readonly<Record<string, Json>> | undefined
  readonly outputTokensMax: number | undefined
  readonly budget?: Budget | undefined
  /** What the task has used before this call. */
  readonly spent: Usage
  /** Not a moment longer than this epoch instant. */
  readonly deadlineAtMs: number
  onText(text: string): void
  /** Receives the function that ends the call early. */
  onStart(cancel: () => void): void
}

/** How a call ended. */
export type LlmOutcome =
  | {
      readonly kind: 'answered'
      readonly answer: LlmAnswer
      readonly usage: Usage
      /** The model as the task named it, and who it was. */
      readonly model: string
      readonly by: CalledBy
    }
  /** `partial`: the text of an answer that was cut. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly partial?: string }
  /** It was not made: its turn does not come for so long. */
  | { readonly kind: 'deferred'; readonly retryAfterMs: number }
  | { readonly kind: 'cancelled' }

/** What calling providers needs. */
export interface LlmOptions {
  readonly node: string
  readonly providers: readonly Provider[]
  readonly budgets: TenantBudgets
  /** Limits shared with the other nodes; undefined: there are no others. */
  readonly shared: ProviderLimits | undefined
  readonly silenceMs: number
  /** Longest silence before the first token: reasoning models think for minutes. */
  readonly firstTokenMs: number
  readonly callMs: number
  /** Longest wait for a provider's limits before the slot is given back. */
  readonly waitMs: number
  readonly outputBytesMax: number
  readonly nowMs: () => number
  readonly random: () => number
}
