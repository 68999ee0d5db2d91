import {
  LEVELS,
  type Json,
  DEPENDENCIES_MAX,
  PLACEMENT_MODES,
  type AgentDefinition,
  type TaskSpec,
} from '@agentfleet/domain'
import { z } from 'zod'

/** What a task is asked to do, and the definition of an agent, as they cross the bus and stand in streams. */

const id = z.string().min(1).max(128)
const count = z.number().int().nonnegative()
const json = z.unknown().transform((value) => value as Json)
const level = z.enum(LEVELS)

/** What a task may use up; the keys are those of `Budget` in the domain. */
export const budgetSchema = z.object({
  tokens: count.optional(),
  usd: z.number().nonnegative().optional(),
  turns: count.optional(),
  wallMs: count.optional(),
})
/** Bounds of a run; the keys are those of `RunLimits` in the domain. */
export const runLimitsSchema = z.object({
  turnsMax: count.optional(),
  toolCallsMax: count.optional(),
  repairsMax: count.optional(),
})

/** The definition of an agent; the gateway has validated it against openapi.yaml. */
const agentDefinitionSchema = z
  .object({
    role: z.string().optional(),
    description: z.string().optional(),
    instructions: z.string().optional(),
    model: z.string().optional(),
    fallbackModels: z.array(z.string()).optional(),
    tools: z.array(z.string()).optional(),
    responseSchema: z.record(z.string(), json).optional(),
    limits: runLimitsSchema
      .extend({
        maxOutputTokens: count.optional(),
        timeoutMs: count.optional(),
        budget: budgetSchema.optional(),
      })
      .optional(),
  })
  .transform((definition) => definition as AgentDefinition)

/** One version of an agent as stream AGENTS holds it; without a definition it is a removal. */
export const agentVersionSchema = z
  .object({ version: count, atMs: z.number(), definition: agentDefinitionSchema.optional() })
  .transform(({ definition, ...version }) =>
    definition === undefined ? version : { ...version, definition },
  )

/** The spec of a task on the wire; the gateway has validated it against openapi.yaml. */
export const specSchema = z
  .object({
    task: z.string(),
    systemPrompt: z.string().optional(),
    context: z.unknown().optional(),
    agent: z.string(),
    model: z.string(),
    cpu: level,
    memory: level,
    priority: level,
    timeoutMs: count,
    maxAttempts: count,
    maxOutputTokens: count.optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    affinityKey: z.string().optional(),
    placement: z.enum(PLACEMENT_MODES).optional(),
    dependsOn: z.array(id).max(DEPENDENCIES_MAX).optional(),
    onDependencyFailure: z.enum(['fail', 'continue']).optional(),
    notBeforeMs: count.optional(),
    delayMs: count.optional(),
    goal: z
      .object({
        hold: z.boolean(),
        replansMax: count,
        roles: z.array(z.string()),
        team: z.record(z.string(), z.unknown()).optional(),
      })
      .optional(),
    definition: z.object({ name: z.string(), version: count }).optional(),
    fallbackModels: z.array(z.string()).optional(),
    tools: z.array(z.string()).optional(),
    responseSchema: z.record(z.string(), json).optional(),
    budget: budgetSchema.optional(),
    limits: runLimitsSchema.optional(),
    replayOf: z.string().optional(),
  })
  .transform((spec) => spec as TaskSpec)
