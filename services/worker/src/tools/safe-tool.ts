import { given } from '@agentfleet/domain'
import type { Tool } from './tool.ts'

/**
 * Removes secrets from the errors of tools. An error of a client library often contains the address with its
 * password, or the token of the refused request; the model would read it, the log would keep it, and the tenant
 * could see it. What a tool answers on purpose stays unchanged.
 */

const CENSOR = '[secret]'
/** Shorter values, such as `1` or `true`, would remove ordinary text. */
const SECRET_CHARS_MIN = 8

/** Each repetition has a bound, so that hostile text costs only its length. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // The user and the password in an address.
  [/\/\/[^\s/@:]{0,256}:[^\s/@]{1,256}@/g, `//${CENSOR}@`],
  [/\b(bearer|basic)\s{1,4}[\w.+/=~-]{8,4096}/gi, `$1 ${CENSOR}`],
  [/\b(sk|pk|rk|gsk|xai|nvapi|hf|r8|ghp|gho|ghs|glpat|xox[abps]|af)[-_][\w-]{16,256}/g, CENSOR],
  [/\b(AKIA|ASIA|AIza)[\w-]{12,64}/g, CENSOR],
  // Assignments and JSON fields with such names.
  [
    /((?:api[-_ ]?key|access[-_ ]?key|token|secret|passw(?:or)?d|pwd)(?:=["']?|["']\s{0,4}:\s{0,4}["']))[^\s"',;&]{3,256}/gi,
    `$1${CENSOR}`,
  ],
]

/** Texts that may contain a JSON Web Token: its parts in base64url, joined by dots. */
const TOKEN_CHARS = /[\w.-]{18,}/g
/** A token has no shorter parts: the smallest header names an algorithm. */
const TOKEN_HEAD_CHARS_MIN = 13
const TOKEN_BODY_CHARS_MIN = 4

/** Returns the text without these secrets, and without what looks like one. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.reduce((left, secret) => left.replaceAll(secret, CENSOR), text)
  const unsigned = known.replace(TOKEN_CHARS, withoutToken)
  return PATTERNS.reduce((left, [pattern, place]) => left.replace(pattern, place), unsigned)
}

/** Ends the text at the first JSON Web Token in it; reads each character once, also if `eyJ` repeats. */
function withoutToken(text: string): string {
  let dot = text.indexOf('.')
  for (let at = text.indexOf('eyJ'); at !== -1 && dot !== -1; at = text.indexOf('eyJ', at + 1)) {
    if (dot < at) dot = text.indexOf('.', at)
    const isToken = dot - at >= TOKEN_HEAD_CHARS_MIN && text.length - dot > TOKEN_BODY_CHARS_MIN
    if (isToken && !/\w/.test(text.charAt(at - 1))) return `${text.slice(0, at)}${CENSOR}`
  }
  return text
}

/** Names of variables and headers whose values are secret. */
const SECRET_NAME = /key|token|secret|passw|pwd|credential|auth|cookie/i

/** Whether a text is long enough to be a secret. */
export function isSecretText(text: string): boolean {
  return text.length >= SECRET_CHARS_MIN
}

/** The values with the names of secrets, longest first, because one may contain another. */
export function secretsIn(values: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(values)
    .flatMap(([name, value]) => (value !== undefined && SECRET_NAME.test(name) ? [value] : []))
    .filter(isSecretText)
    .sort((a, b) => b.length - a.length)
}

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
