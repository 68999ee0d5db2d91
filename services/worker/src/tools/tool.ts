import { fitsToolPattern, mayUseTool, type TenantTools } from '@agentfleet/domain'
import type { ToolContext } from '@agentfleet/toolkit'

/** The description of a tool for the model, in the form of the chat completions API. */
export interface ToolOffer {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description: string
    readonly parameters: Readonly<Record<string, unknown>>
  }
}

/** What a tool answers the model; `error`: the call failed, and the model may correct it. */
export interface ToolOutput {
  readonly text: string
  readonly error: boolean
}

/** A tool as the loop of an agent uses it; the source does not matter. */
export interface Tool {
  readonly offer: ToolOffer
  /** An agent that names no tools gets the `built-in` tools; the loop itself runs a `run` tool. */
  readonly source: 'built-in' | 'module' | 'mcp' | 'run'
  readonly timeoutMs: number
  /** Longest start before that, milliseconds; such a tool calls `begins` when its start is over. */
  readonly startMs?: number
  /** A person must approve each call before it is made. */
  readonly approval: boolean
  /** A failed call may be repeated at once with the same key. */
  readonly idempotent: boolean
  /** Returns the error for wrong arguments, before approval and before anything runs. */
  check?(args: unknown): ToolOutput | undefined
  /**
   * Answers the model, also for wrong arguments. Throws if the call failed; a `ToolFailure` says what follows.
   */
  run(args: unknown, context: ToolContext, begins: () => void): Promise<ToolOutput>
}

/** The present tools of a node by name. */
export type Tools = ReadonlyMap<string, Tool>

/** Creates the answer to a valid call. */
export function answer(text: string): ToolOutput {
  return { text, error: false }
}

/** Creates the answer to an invalid call. */
export function wrong(reason: string): ToolOutput {
  return { text: `error: ${reason}`, error: true }
}

/** Creates the description of a tool. */
export function offerOf(
  name: string,
  description: string,
  parameters: Readonly<Record<string, unknown>>,
): ToolOffer {
  return { type: 'function', function: { name, description, parameters } }
}

/** The tools that an agent may use, and the requested names that this node lacks. */
interface ToolChoice {
  readonly tools: Tools
  readonly missing: readonly string[]
}

/** Chooses tools by name; a name that ends in `*` stands for all names with that beginning. */
export function chooseTools(tools: Tools, names: readonly string[] | undefined): ToolChoice {
  const all = [...tools]
  if (names === undefined) {
    return { tools: new Map(all.filter(([, tool]) => tool.source === 'built-in')), missing: [] }
  }
  return {
    tools: new Map(all.filter(([name]) => names.some((pattern) => fitsToolPattern(pattern, name)))),
    missing: names.filter((pattern) => !all.some(([name]) => fitsToolPattern(pattern, name))),
  }
}

/** The tools of these that a tenant may use. */
export function toolsOfTenant(tools: Tools, tenant: string, rules: TenantTools): Tools {
  if (rules === undefined) return tools
  return new Map([...tools].filter(([name]) => mayUseTool(rules, tenant, name)))
}
