import { z } from 'zod'
import { calculate } from './arithmetic.ts'
import type { ToolCall } from './conversation.ts'

/** What the model is told of a tool, in the form of the chat completions API. */
export interface ToolOffer {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description: string
    readonly parameters: Record<string, unknown>
  }
}

/**
 * A tool that agents may use. It has to be pure or harmless to repeat: a crash between a call and
 * its commit runs it again.
 */
export interface Tool {
  readonly offer: ToolOffer
  /** Answers the model; a wrong use is an answer too, so that the model can do better. */
  run(args: unknown): string
}

const calculateArguments = z.object({ expression: z.string() })

const calculateTool: Tool = {
  offer: {
    type: 'function',
    function: {
      name: 'calculate',
      description: 'Evaluates arithmetic: numbers, + - * / % ^ and parentheses.',
      parameters: {
        type: 'object',
        properties: { expression: { type: 'string' } },
        required: ['expression'],
        additionalProperties: false,
      },
    },
  },
  run(args) {
    const parsed = calculateArguments.safeParse(args)
    if (!parsed.success) return 'error: expected {"expression": "…"}'
    const result = calculate(parsed.data.expression)
    return result.kind === 'value' ? String(result.value) : `error: ${result.reason}`
  },
}

/** The tools of a node by name. */
export type Tools = ReadonlyMap<string, Tool>

/** The tools that every node has. */
export function builtInTools(): Tools {
  return new Map([[calculateTool.offer.function.name, calculateTool]])
}

/** Runs one tool call of the model; throws only when the tool itself is broken. */
export function runTool(tools: Tools, call: ToolCall): string {
  const tool = tools.get(call.name)
  if (tool === undefined) return `error: there is no tool ${JSON.stringify(call.name)}`
  const args = parseArguments(call.arguments)
  return args === undefined ? 'error: the arguments are not JSON' : tool.run(args)
}

function parseArguments(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text)
  } catch {
    return undefined
  }
}
