import type { ToolContext } from '@agentfleet/toolkit'

/** What the model is told of a tool, in the form of the chat completions API. */
export interface ToolOffer {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description: string
    readonly parameters: Readonly<Record<string, unknown>>
  }
}

/** What a tool answers the model; `error`: the call went wrong, and the model may do better. */
export interface ToolOutput {
  readonly text: string
  readonly error: boolean
}

/** A tool as the loop of an agent uses it, wherever it comes from. */
export interface Tool {
  readonly offer: ToolOffer
  /** Built-in ones are offered to every agent that names no tools; `run`: the loop itself does it. */
  readonly source: 'built-in' | 'module' | 'mcp' | 'run'
  readonly timeoutMs: number
  /** A person approves each call before it is made. */
  readonly approval: boolean
  /** May be called again at once with the same key when a call went wrong. */
  readonly idempotent: boolean
  /** What the model hears of a wrong use, before anybody is asked and anything runs. */
  check?(args: unknown): ToolOutput | undefined
  /**
   * Answers the model, a wrong use included. Throws when the call went wrong; a `ToolFailure` says
   * what to do about it.
   */
  run(args: unknown, context: ToolContext): Promise<ToolOutput>
}

/** The tools of a node by name, as they are now. */
export type Tools = ReadonlyMap<string, Tool>

/** The tool's answer to a use that fits. */
export function answer(text: string): ToolOutput {
  return { text, error: false }
}

/** The tool's answer to a wrong use. */
export function wrong(reason: string): ToolOutput {
  return { text: `error: ${reason}`, error: true }
}

/** Makes the offer of a tool. */
export function offerOf(
  name: string,
  description: string,
  parameters: Readonly<Record<string, unknown>>,
): ToolOffer {
  return { type: 'function', function: { name, description, parameters } }
}

/** The tools that an agent may use, and the names it asks for that this node does not know. */
export interface ToolChoice {
  readonly tools: Tools
  readonly missing: readonly string[]
}

/** Chooses tools by name; a name that ends in `*` stands for all that begin so. */
export function chooseTools(tools: Tools, names: readonly string[] | undefined): ToolChoice {
  const all = [...tools]
  if (names === undefined) {
    return { tools: new Map(all.filter(([, tool]) => tool.source === 'built-in')), missing: [] }
  }
  const fits = (pattern: string, name: string): boolean =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
  return {
    tools: new Map(all.filter(([name]) => names.some((pattern) => fits(pattern, name)))),
    missing: names.filter((pattern) => !all.some(([name]) => fits(pattern, name))),
  }
}
