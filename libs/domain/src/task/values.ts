/** Values that specs of tasks and definitions of agents share. */

/** JSON as it travels in tasks and results. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }

/** The limits of a task over all its attempts; an absent one does not limit. */
export interface Budget {
  /** Input and output tokens together. */
  readonly tokens?: number
  readonly usd?: number
  /** LLM calls. */
  readonly turns?: number
  /** Time from the submission, milliseconds. */
  readonly wallMs?: number
}

/** Bounds of one run, in addition to those of every task. */
export interface RunLimits {
  /** LLM calls of the run; the worker's own bound applies too. */
  readonly turnsMax?: number
  /** Tool calls of the run. */
  readonly toolCallsMax?: number
  /** Further answers that the model may give when one violates `responseSchema`. */
  readonly repairsMax?: number
}

/** How long a model may think before it answers. */
export const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const
/** How much a model says. */
export const VERBOSITIES = ['low', 'medium', 'high'] as const

/**
 * How a model writes its answers; each setting is passed to the provider, and left out if the provider
 * refuses it.
 */
export interface Sampling {
  readonly temperature?: number
  readonly topP?: number
  /** Texts at which the answer ends. */
  readonly stop?: readonly string[]
  readonly seed?: number
  readonly reasoningEffort?: (typeof REASONING_EFFORTS)[number]
  readonly verbosity?: (typeof VERBOSITIES)[number]
}
