import { given } from '../collections/given.ts'
import type { Budget, Json, RunLimits, Sampling } from '../task/values.ts'

/**
 * Definitions of LLM agents, and how a task gets its agent's settings. A task is resolved once, at its
 * submission, and carries the result: a later change of the definition changes no stored task.
 */

/** Bounds of an agent's tasks, for tasks that do not set their own. */
interface AgentLimits extends RunLimits {
  readonly maxOutputTokens?: number
  readonly timeoutMs?: number
  readonly budget?: Budget
}

/** The definition of an LLM agent. */
export interface AgentDefinition {
  /** Its role, in a few words. */
  readonly role?: string
  /** Its strengths, for people and planners. */
  readonly description?: string
  /** The system prompt of its tasks. */
  readonly systemPrompt?: string
  readonly model?: string
  readonly fallbackModels?: readonly string[]
  readonly tools?: readonly string[]
  readonly responseSchema?: { readonly [key: string]: Json }
  readonly sampling?: Sampling
  readonly limits?: AgentLimits
}

/** The fields of a spec that a definition can fill in. */
export interface AgentPart extends Pick<
  AgentDefinition,
  'systemPrompt' | 'model' | 'fallbackModels' | 'tools' | 'responseSchema' | 'sampling'
> {
  readonly maxOutputTokens?: number
  readonly timeoutMs?: number
  readonly budget?: Budget
  readonly limits?: RunLimits
}

/** The maximum length in the pattern `DEFINITION_NAME`. */
const NAME_CHARS_MAX = 64
/** Names that a definition can have. */
export const DEFINITION_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** The name under which the agent of a task would be defined: "DevOps Engineer" is `devops-engineer`. */
export function definitionNameOf(agent: string): string {
  return agent.toLowerCase().replaceAll(/[ .]+/g, '-').slice(0, NAME_CHARS_MAX)
}

/** The task's own settings, completed by those of the definition. */
export function resolveAgent(asked: AgentPart, definition: AgentDefinition): AgentPart {
  const { limits = {} } = definition
  const { maxOutputTokens, timeoutMs, budget, ...runLimits } = limits
  const merged = { ...runLimits, ...asked.limits }
  const sampling = { ...definition.sampling, ...asked.sampling }
  return given({
    systemPrompt: asked.systemPrompt ?? definition.systemPrompt,
    model: asked.model ?? definition.model,
    // Fallbacks belong to a model: a task with another model does not take them.
    fallbackModels:
      asked.fallbackModels ?? (asked.model === undefined ? definition.fallbackModels : undefined),
    tools: asked.tools ?? definition.tools,
    responseSchema: asked.responseSchema ?? definition.responseSchema,
    maxOutputTokens: asked.maxOutputTokens ?? maxOutputTokens,
    sampling: Object.keys(sampling).length === 0 ? undefined : sampling,
    timeoutMs: asked.timeoutMs ?? timeoutMs,
    budget: asked.budget ?? budget,
    limits: Object.keys(merged).length === 0 ? undefined : merged,
  })
}
