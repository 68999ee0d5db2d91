import type { ProviderLimits } from '@agentfleet/adapters'
import type {
  Budget,
  CalledBy,
  CallTimes,
  Failure,
  Json,
  Level,
  Sampling,
  TenantBudgets,
  Usage,
} from '@agentfleet/domain'
import type { LlmAnswer, Message } from '../run/conversation.ts'
import type { ToolOffer } from '../tools/tool.ts'
import type { Provider } from './provider.ts'

/** An LLM call to make. */
export interface LlmRequest {
  readonly taskId: string
  readonly step: number
  readonly tenant: string
  readonly priority: Level
  /** When the task was submitted: among waiting calls of a tenant, older tasks go first. */
  readonly sinceMs: number
  readonly model: string
  readonly fallbackModels?: readonly string[] | undefined
  readonly messages: readonly Message[]
  readonly tools: readonly ToolOffer[]
  /** The task names no tools, so a model that accepts no tools is called without the built-in tools. */
  readonly toolsOptional: boolean
  readonly sampling?: Sampling | undefined
  /** The final answer must be JSON of this schema. */
  readonly responseSchema?: Readonly<Record<string, Json>> | undefined
  readonly outputTokensMax: number | undefined
  readonly budget?: Budget | undefined
  /** What the task had used before this call. */
  readonly spent: Usage
  /** The epoch time at which the call must end. */
  readonly deadlineAtMs: number
  /** Called right before each request to a provider, which waits for the promise: until then the run may be over. */
  confirm(): Promise<void> | undefined
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
      /** The model's name in the task, and the provider and model that answered. */
      readonly model: string
      readonly by: CalledBy
      readonly times: CallTimes
    }
  /** `partial`: the text of an answer that was cut. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly partial?: string }
  /** The call was not made, because its turn comes too late. */
  | { readonly kind: 'deferred'; readonly retryAfterMs: number }
  | { readonly kind: 'cancelled' }

/** Dependencies of the LLM calls. */
export interface LlmOptions {
  readonly node: string
  readonly providers: readonly Provider[]
  readonly budgets: TenantBudgets
  /** The limits shared with the other nodes; undefined if this node is alone. */
  readonly shared: ProviderLimits | undefined
  readonly silenceMs: number
  /** The longest silence before the first token: reasoning models think for minutes. */
  readonly firstTokenMs: number
  readonly callMs: number
  /** The longest wait for a provider's limits before the run gives up its slot. */
  readonly waitMs: number
  readonly outputBytesMax: number
  readonly nowMs: () => number
  readonly random: () => number
}
