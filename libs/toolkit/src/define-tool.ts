import { z } from 'zod'

/**
 * Tools that a team adds to its worker image. A module of the folder of tools exports what
 * `defineTool` returns; the worker offers it to the agents that name it.
 */

/** Where a tool writes what operators should know. */
export interface ToolLog {
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

/** What a call knows beside its arguments. */
export interface ToolContext {
  readonly taskId: string
  /** Position of the call in its run. */
  readonly step: number
  /** The same for the same call of the same run, after a crash and on another node too. */
  readonly idempotencyKey: string
  /** Aborts when the time is up, the task is cancelled or over, or the node has drained. */
  readonly signal: AbortSignal
  readonly log: ToolLog
}

/** What a tool is made of. */
export interface ToolSettings<Parameters extends z.ZodType> {
  /** 1 to 64 letters, digits, `_` or `-`; two underscores in a row are kept for MCP servers. */
  readonly name: string
  /** What the model reads. */
  readonly description: string
  /** An object of named arguments. */
  readonly parameters: Parameters
  /** Longest call, milliseconds; 30,000 when it is not said. */
  readonly timeoutMs?: number
  /** Runs in a thread of its own, which is ended when the time is up. */
  readonly cpuHeavy?: boolean
  /** A person has to approve each call before it is made. */
  readonly approval?: 'required'
  /** A call that went wrong may be made again at once, with the same key. */
  readonly idempotent?: boolean
  /** Answers the model: text as it is, anything else as JSON. */
  run(args: z.output<Parameters>, context: ToolContext): unknown
}

/** A tool as its module exports it. */
export interface ToolModuleTool {
  readonly name: string
  readonly description: string
  readonly timeoutMs: number
  readonly cpuHeavy: boolean
  readonly approval: 'required' | undefined
  readonly idempotent: boolean
  /** The parameters as JSON schema. */
  readonly parametersSchema: Readonly<Record<string, unknown>>
  /** The arguments as the tool wants them, or what is wrong with them. */
  check(args: unknown): ToolArguments
  run(args: unknown, context: ToolContext): unknown
}

/** Arguments that fit, or every problem they have. */
export type ToolArguments =
  | { readonly kind: 'fit'; readonly args: unknown }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

/** Within these a tool is accepted. */
export const TOOL_LIMITS = {
  /** What OpenAI allows of a name. */
  name: /^(?!.*__)[A-Za-z0-9_-]{1,64}$/,
  /** Every call to the model carries it. */
  descriptionMax: 4_096,
  timeoutMs: { min: 1, max: 3_600_000, default: 30_000 },
} as const

/** In the global registry, so that a tool made by another copy of this package is one as well. */
const BRAND = Symbol.for('agentfleet.tool.1')

/** Makes a tool; throws with everything that is wrong with it. */
export function defineTool<Parameters extends z.ZodType>(
  settings: ToolSettings<Parameters>,
): ToolModuleTool {
  const { min, max, default: timeoutDefault } = TOOL_LIMITS.timeoutMs
  const { name, description, parameters, timeoutMs = timeoutDefault } = settings
  const problems: string[] = []
  if (!TOOL_LIMITS.name.test(name)) {
    problems.push('name: 1 to 64 letters, digits, _ or -, without two underscores in a row')
  }
  if (description.length < 1 || description.length > TOOL_LIMITS.descriptionMax) {
    problems.push(`description: 1 to ${TOOL_LIMITS.descriptionMax} characters`)
  }
  if (!Number.isInteger(timeoutMs) || timeoutMs < min || timeoutMs > max) {
    problems.push(`timeoutMs: a whole number from ${min} to ${max}`)
  }
  const schema = schemaOf(parameters)
  if (schema === undefined) problems.push('parameters: a zod object that JSON schema can express')
  if (schema === undefined || problems.length > 0) {
    throw new Error(`the tool ${JSON.stringify(name)} is not right: ${problems.join('; ')}`)
  }
  const tool: ToolModuleTool & { readonly [BRAND]: true } = {
    [BRAND]: true,
    name,
    description,
    timeoutMs,
    cpuHeavy: settings.cpuHeavy ?? false,
    approval: settings.approval,
    idempotent: settings.idempotent ?? false,
    parametersSchema: schema,
    check(args) {
      const parsed = parameters.safeParse(args)
      if (parsed.success) return { kind: 'fit', args: parsed.data }
      return { kind: 'wrong', problems: parsed.error.issues.map(problemOf) }
    },
    run: (args, context) => settings.run(args as z.output<Parameters>, context),
  }
  return Object.freeze(tool)
}

/** Whether a value that a module exports is a tool. */
export function isTool(value: unknown): value is ToolModuleTool {
  return typeof value === 'object' && value !== null && BRAND in value
}

function schemaOf(parameters: z.ZodType): Record<string, unknown> | undefined {
  try {
    const { $schema: _version, ...schema } = z.toJSONSchema(parameters, { io: 'input' })
    return schema['type'] === 'object' ? schema : undefined
  } catch {
    return undefined
  }
}

function problemOf({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`
}
