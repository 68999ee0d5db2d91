/** What specs of tasks and definitions of agents are both made of. */

/** JSON as it travels in tasks and results. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** What a task may use up in all its attempts; what is left out has no bound of its own. */
export interface Budget {
  /** Input and output tokens together. */
  readonly tokens?: number
  readonly usd?: number
  /** LLM calls. */
  readonly turns?: number
  /** Time from the submission, milliseconds. */
  readonly wallMs?: number
}

/** Bounds of one run beside those that every task has. */
export interface RunLimits {
  /** LLM calls of the run; the worker's own bound holds as well. */
  readonly turnsMax?: number
  /** Tool calls of the run. */
  readonly toolCallsMax?: number
  /** Further tries at an answer that does not fit `responseSchema`. */
  readonly repairsMax?: number
}

/** How long a model may think before it answers. */
export const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const
/** How much a model says. */
export const VERBOSITIES = ['low', 'medium', 'high'] as const

/** How a model writes its answers; each one is passed to the provider, and left out where it is refused. */
export interface Sampling {
  readonly temperature?: number
  readonly topP?: number
  /** Texts at which the answer ends. */
  readonly stop?: readonly string[]
  readonly seed?: number
  readonly reasoningEffort?: (typeof REASONING_EFFORTS)[number]
  readonly verbosity?: (typeof VERBOSITIES)[number]
}
