import { given } from '@agentfleet/domain'
import { withoutSecrets } from '../secrets/secret-texts.ts'
import type { Tool } from './tool.ts'

/**
 * Removes secrets from the errors of tools. An error of a client library often contains the address with its
 * password, or the token of the refused request; the model would read it, the log would keep it, and the tenant
 * could see it. What a tool answers on purpose stays unchanged.
 */

/** The tool, whose errors have lost their secrets. */
export function safeTool(tool: Tool, secrets: readonly string[]): Tool {
  return {
    ...tool,
    async run(args, context, begins) {
      try {
        const output = await tool.run(args, context, begins)
        return output.error ? { ...output, text: withoutSecrets(output.text, secrets) } : output
      } catch (error) {
        throw safeError(error, secrets)
      }
    },
  }
}

/** Bounds the depth: an error can be its own cause. */
const CAUSES_MAX = 5

/** A copy of an error without secrets, and without the fields in which clients keep their requests. */
export function safeError(error: unknown, secrets: readonly string[], depth = 0): unknown {
  if (typeof error === 'string') return withoutSecrets(error, secrets)
  if (!(error instanceof Error)) return error
  const { message, stack, cause, code, next } = error as Error & Readonly<Record<string, unknown>>
  const made = new Error(withoutSecrets(message, secrets))
  made.name = error.name
  if (stack !== undefined) made.stack = withoutSecrets(stack, secrets)
  if (cause !== undefined && depth < CAUSES_MAX) made.cause = safeError(cause, secrets, depth + 1)
  // `next` says what follows from a ToolFailure.
  return Object.assign(made, given({ code: textOf(code), next: textOf(next) }))
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
