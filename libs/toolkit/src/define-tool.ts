import { z } from 'zod'

/**
 * Tools that a team adds to its worker image. A module of the folder of tools exports the result of
 * `defineTool`; the worker offers it to the agents that name it.
 */

/** The log in which a tool writes messages for operators. */
export interface ToolLog {
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

/** The context of a call, without its arguments. */
export interface ToolContext {
  readonly taskId: string
  /** The tenant that submitted the task: a tool acts for this tenant only. */
  readonly tenant: string
  /** Position of the call in its run. */
  readonly step: number
  /** The same key for the same call of the same run, also after a crash and on another node. */
  readonly idempotencyKey: string
  /** Aborts when the time is over, the task is cancelled or has ended, or the node has drained. */
  readonly signal: AbortSignal
  readonly log: ToolLog
}

/** The definition of a tool. */
export interface ToolSettings<Parameters extends z.ZodType> {
  /** 1 to 64 letters, digits, `_` or `-`; two underscores in a row are reserved for MCP servers. */
  readonly name: string
  /** The model reads this. */
  readonly description: string
  /** An object of named arguments. */
  readonly parameters: Parameters
  /** Longest call, milliseconds; 30,000 by default. */
  readonly timeoutMs?: number
  /** Runs in a separate thread, which ends when the time is over. */
  readonly cpuHeavy?: boolean
  /** A person has to approve each call before it is made. */
  readonly approval?: 'required'
  /** A failed call may be repeated at once, with the same key. */
  readonly idempotent?: boolean
  /** The answer to the model: text unchanged, anything else as JSON. */
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
  /** The arguments as the tool expects them, or their first problems. */
  check(args: unknown): ToolArguments
  run(args: unknown, context: ToolContext): unknown
}

/** Valid arguments, or their first problems. */
export type ToolArguments =
  | { readonly kind: 'fit'; readonly args: unknown }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

/** Bounds of an acceptable tool. */
export const TOOL_LIMITS = {
  /** OpenAI's rule for a name. */
  name: /^(?!.*__)[A-Za-z0-9_-]{1,64}$/,
  /** Every call to the model carries the description. */
  descriptionMax: 4_096,
  timeoutMs: { min: 1, max: 3_600_000, default: 30_000 },
} as const

/** In the global registry, so that a tool made with another copy of this package is recognized. */
const BRAND = Symbol.for('agentfleet.tool.1')

/** The fields of `ToolSettings`; the compiler checks that none is missing. */
const FIELDS = Object.keys({
  name: true,
  description: true,
  parameters: true,
  timeoutMs: true,
  cpuHeavy: true,
  approval: true,
  idempotent: true,
  run: true,
} satisfies Record<keyof ToolSettings<z.ZodType>, true>)

/** An invalid definition: the message names every problem. */
export class ToolDefinitionError extends Error {
  override readonly name = 'ToolDefinitionError'
  /** The fields that the definition has and no tool may have, and the fields of a tool. */
  readonly unknown: readonly string[]
  readonly known: readonly string[] = FIELDS
  constructor(message: string, unknown: readonly string[]) {
    super(message)
    this.unknown = unknown
  }
}

/** Makes a tool; throws a ToolDefinitionError that names every problem. */
export function defineTool<Parameters extends z.ZodType>(
  settings: ToolSettings<Parameters>,
): ToolModuleTool {
  const { min, max, default: timeoutDefault } = TOOL_LIMITS.timeoutMs
  // Types do not bind a JavaScript module: without these checks the model would read a TypeError.
  const given: Readonly<Record<string, unknown>> = { ...settings }
  const { name, description, run, approval, timeoutMs = timeoutDefault } = given
  const problems: string[] = []
  if (typeof name !== 'string' || !TOOL_LIMITS.name.test(name)) {
    problems.push(
      'name must have 1 to 64 letters, digits, _ or -, without two underscores in a row',
    )
  }
  const size = typeof description === 'string' ? description.length : 0
  if (size < 1 || size > TOOL_LIMITS.descriptionMax) {
    problems.push(`description must have 1 to ${TOOL_LIMITS.descriptionMax} characters`)
  }
  if (
    typeof timeoutMs !== 'number' ||
    !(timeoutMs >= min && timeoutMs <= max && timeoutMs % 1 === 0)
  ) {
    problems.push(`timeoutMs must be a whole number from ${min} to ${max}`)
  }
  for (const field of ['cpuHeavy', 'idempotent']) {
    if (!['boolean', 'undefined'].includes(typeof given[field])) {
      problems.push(`${field} must be true or false`)
    }
  }
  // Any other value would let calls pass without an approval.
  if (approval !== undefined && approval !== 'required') {
    problems.push("approval must be 'required'; leave it out if no call needs an approval")
  }
  if (typeof run !== 'function') {
    problems.push('run must be a function: async run(args, context) { … }')
  }
  const schema = schemaOf(given['parameters'])
  if (schema === undefined) {
    problems.push(
      'parameters must be a zod object that JSON schema can express, such as z.object({ order: z.string() })',
    )
  }
  const unknown = Object.keys(given).filter((field) => !FIELDS.includes(field))
  if (schema === undefined || problems.length > 0 || unknown.length > 0) {
    const fields = unknown.map((field) => `the field ${JSON.stringify(field)} is unknown`)
    const all = [...problems, ...fields].join('; ')
    throw new ToolDefinitionError(
      `the tool ${JSON.stringify(name) ?? ''} is invalid: ${all}`,
      unknown,
    )
  }
  const tool: ToolModuleTool & { readonly [BRAND]: true } = {
    [BRAND]: true,
    name: settings.name,
    description: settings.description,
    timeoutMs: settings.timeoutMs ?? timeoutDefault,
    cpuHeavy: settings.cpuHeavy ?? false,
    approval: settings.approval,
    idempotent: settings.idempotent ?? false,
    parametersSchema: schema,
    check(args) {
      const parsed = settings.parameters.safeParse(args)
      if (parsed.success) return { kind: 'fit', args: parsed.data }
      return { kind: 'wrong', problems: problemsOf(parsed.error.issues) }
    },
    run: (args, context) => settings.run(args as z.output<Parameters>, context),
  }
  return Object.freeze(tool)
}

/** Whether a value that a module exports is a tool. */
export function isTool(value: unknown): value is ToolModuleTool {
  return typeof value === 'object' && value !== null && BRAND in value
}

function schemaOf(parameters: unknown): Record<string, unknown> | undefined {
  try {
    const { $schema: _version, ...schema } = z.toJSONSchema(parameters as z.ZodType, {
      io: 'input',
    })
    return schema['type'] === 'object' ? schema : undefined
  } catch {
    return undefined
  }
}

/** Problems that the model reads; a list of wrong items has one for each of them. */
const PROBLEMS_MAX = 20

function problemsOf(issues: readonly z.core.$ZodIssue[]): readonly string[] {
  const first = issues.slice(0, PROBLEMS_MAX).map(problemOf)
  const left = issues.length - first.length
  return left === 0 ? first : [...first, `and ${left} more problems`]
}

function problemOf({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`
}
