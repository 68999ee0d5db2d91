import { z } from 'zod'
import { calculate } from './arithmetic.ts'
import { answer, offerOf, wrong, type Tool, type Tools } from './tool.ts'

const calculateArguments = z.object({ expression: z.string() })

/** Milliseconds. Arithmetic takes no time; this bounds the wait for the event loop. */
const TIMEOUT_MS = 5_000

const calculateTool: Tool = {
  offer: offerOf(
    'calculate',
    'The tool calculates an arithmetic expression with numbers, + - * / % ^ and parentheses.',
    {
      type: 'object',
      properties: { expression: { type: 'string' } },
      required: ['expression'],
      additionalProperties: false,
    },
  ),
  source: 'built-in',
  timeoutMs: TIMEOUT_MS,
  approval: false,
  idempotent: true,
  async run(args) {
    const parsed = calculateArguments.safeParse(args)
    if (!parsed.success) return wrong('the arguments must be {"expression": "…"}')
    const result = calculate(parsed.data.expression)
    return result.kind === 'value' ? answer(String(result.value)) : wrong(result.reason)
  },
}

/** Returns the tools that every node has. */
export function builtInTools(): Tools {
  return new Map([[calculateTool.offer.function.name, calculateTool]])
}
