import {
  AGENT_PATTERN,
  DEFINITION_NAME,
  DELAY_MAX_MS,
  DEPENDENCIES_MAX,
  LEVELS,
  MODEL_PATTERN,
  PLACEMENT_MODES,
  REASONING_EFFORTS,
  SPEC_LIMITS as LIMITS,
  TOOL_NAME_PATTERN,
  VERBOSITIES,
  type AgentDefinition,
  type Json,
  type TaskSpec,
} from '@agentfleet/domain'
import { z } from 'zod'
import { instantMs } from './numbers.ts'
import { text } from './text.ts'
import {
  CONTEXT_LIMITS,
  jsonProblem,
  RESPONSE_SCHEMA_LIMITS,
  type JsonLimits,
} from './json-limits.ts'

/**
 * The specs of tasks and the definitions of agents, on the bus and in streams.
 *
 * Invariant: these schemas accept what openapi.yaml accepts, and refuse values beyond its limits; the limits
 * are those of `SPEC_LIMITS`. Values that the fleet derives itself may be smaller than a client may ask for:
 * the share of a child in a budget, the rest of a lifetime.
 */

const id = z.string().min(1).max(128)
const level = z.enum(LEVELS)
const model = z.string().regex(MODEL_PATTERN)
const agent = z.string().regex(AGENT_PATTERN)
const role = z.string().regex(DEFINITION_NAME)
const fallbackModels = z.array(model).max(LIMITS.fallbackModelsMax)
const tools = z.array(z.string().regex(TOOL_NAME_PATTERN)).max(LIMITS.toolNamesMax)
const version = integer(0, LIMITS.agentVersionMax)

function integer(min: number, max: number) {
  return z.number().int().min(min).max(max)
}

function json<T>(schema: z.ZodType<T>, limits: JsonLimits) {
  return schema
    .superRefine((value, context) => {
      const message = jsonProblem(value, limits)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .transform((value) => value as Json)
}

const context = json(z.unknown(), CONTEXT_LIMITS)
const responseSchema = json(z.record(z.string(), z.unknown()), RESPONSE_SCHEMA_LIMITS)

/** The keys are those of `Budget` in the domain. Nothing may be left for a task whose children share its budget. */
const budgetSchema = z.object({
  tokens: integer(0, LIMITS.budgetTokensMax).optional(),
  usd: z.number().nonnegative().max(LIMITS.budgetUsdMax).optional(),
  turns: integer(0, LIMITS.budgetTurnsMax).optional(),
  wallMs: integer(1, LIMITS.budgetWallMsMax).optional(),
})
/** The keys are those of `RunLimits` in the domain. */
const runLimitsSchema = z.object({
  turnsMax: integer(1, LIMITS.turnsMax).optional(),
  toolCallsMax: integer(0, LIMITS.toolCallsMax).optional(),
  repairsMax: integer(0, LIMITS.repairsMax).optional(),
})

/** The keys are those of `Sampling` in the domain. */
const samplingSchema = z.object({
  temperature: z.number().min(0).max(LIMITS.temperatureMax).optional(),
  topP: z.number().min(0).max(1).optional(),
  stop: z.array(text(LIMITS.stopCharsMax, 1)).min(1).max(LIMITS.stopsMax).optional(),
  seed: integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).optional(),
  reasoningEffort: z.enum(REASONING_EFFORTS).optional(),
  verbosity: z.enum(VERBOSITIES).optional(),
})

const agentDefinitionSchema = z
  .object({
    role: agent.optional(),
    description: text(LIMITS.descriptionCharsMax).optional(),
    systemPrompt: text(LIMITS.definitionPromptCharsMax).optional(),
    model: model.optional(),
    fallbackModels: fallbackModels.optional(),
    tools: tools.optional(),
    responseSchema: responseSchema.optional(),
    sampling: samplingSchema.optional(),
    limits: runLimitsSchema
      .extend({
        maxOutputTokens: integer(1, LIMITS.outputTokensMax).optional(),
        timeoutMs: integer(1, LIMITS.timeoutMsMax).optional(),
        budget: budgetSchema.optional(),
      })
      .optional(),
  })
  .transform((definition) => definition as AgentDefinition)

/** One version of an agent as stream AGENTS holds it; without a definition it is a removal. */
export const agentVersionSchema = z
  .object({ version, atMs: instantMs, definition: agentDefinitionSchema.optional() })
  .transform(({ definition, ...rest }) =>
    definition === undefined ? rest : { ...rest, definition },
  )

const metadata = z
  .record(text(LIMITS.metadataKeyCharsMax, 1), text(LIMITS.metadataValueCharsMax))
  .refine((entries) => Object.keys(entries).length <= LIMITS.metadataKeysMax, {
    message: `must have at most ${LIMITS.metadataKeysMax} entries`,
  })

const goal = z.object({
  hold: z.boolean(),
  replansMax: integer(0, LIMITS.replansMax),
  roles: z.array(role).max(LIMITS.rolesMax),
  team: z.record(role, agentDefinitionSchema).optional(),
})

/** The spec of a task on the wire and in streams. */
export const specSchema = z
  .object({
    task: text(LIMITS.taskCharsMax, 1),
    systemPrompt: text(LIMITS.systemPromptCharsMax).optional(),
    context: context.optional(),
    agent,
    model,
    cpu: level,
    memory: level,
    priority: level,
    timeoutMs: integer(1, LIMITS.timeoutMsMax),
    maxAttempts: integer(1, LIMITS.maxAttemptsMax),
    maxOutputTokens: integer(1, LIMITS.outputTokensMax).optional(),
    sampling: samplingSchema.optional(),
    metadata: metadata.optional(),
    affinityKey: text(LIMITS.affinityKeyCharsMax, 1).optional(),
    placement: z.enum(PLACEMENT_MODES).optional(),
    dependsOn: z.array(id).max(DEPENDENCIES_MAX).optional(),
    onDependencyFailure: z.enum(['fail', 'continue']).optional(),
    notBeforeMs: integer(0, LIMITS.instantMsMax).optional(),
    delayMs: integer(0, DELAY_MAX_MS).optional(),
    goal: goal.optional(),
    definition: z.object({ name: role, version }).optional(),
    fallbackModels: fallbackModels.optional(),
    tools: tools.optional(),
    responseSchema: responseSchema.optional(),
    budget: budgetSchema.optional(),
    limits: runLimitsSchema.optional(),
    submittedBy: id.optional(),
    writtenBy: id.optional(),
    approvers: z.literal('other-keys').optional(),
    replayOf: id.optional(),
  })
  .transform((spec) => spec as TaskSpec)
