/**
 * Removes secrets from errors of servers before the errors leave this package. A client library attaches the
 * refused command (`AUTH password`), the request (with its token) or the address (with its password) to its
 * errors, and loggers write all fields of an error.
 */
import type { Logger } from '@agentfleet/runtime'

/** Copies errors without their secrets. */
export type Redaction = ReturnType<typeof createRedaction>

/** Replaces a secret. */
const CENSOR = '[redacted]'
/** Bounds the depth: an error that is its own cause must not block a log line. */
const CAUSES_MAX = 5

/** Hides these texts; empty and missing secrets are ignored. */
export function createRedaction(secrets: readonly (string | undefined)[]) {
  // Longest first: one may contain another. Also in the form that they have within a URL.
  const hidden = [...new Set(secrets.filter((secret) => secret !== undefined))]
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
  const text = (value: string): string =>
    hidden.reduce((left, secret) => left.replaceAll(secret, CENSOR), value)

  const copy = (error: unknown, depth: number): Error => {
    if (!(error instanceof Error)) return new Error(text(String(error)))
    const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown }
    const cause =
      error.cause === undefined || depth >= CAUSES_MAX ? undefined : copy(error.cause, depth + 1)
    const made = new Error(text(error.message), cause === undefined ? undefined : { cause })
    made.name = error.name
    if (error.stack !== undefined) made.stack = text(error.stack)
    return Object.assign(
      made,
      typeof code === 'string' ? { code: text(code) } : {},
      typeof statusCode === 'number' ? { statusCode } : {},
    )
  }
  const clean = (fields: object): object =>
    'err' in fields ? { ...fields, err: copy(fields.err, 0) } : fields
  return {
    /**
     * A plain error with the same name, message, stack, code, status and cause, without the secrets and without
     * any other field.
     */
    error: (error: unknown) => copy(error, 0),
    /** A logger whose `err` fields go through `error`. */
    log: (log: Logger): Logger => ({
      debug: (fields, message) => log.debug(clean(fields), message),
      info: (fields, message) => log.info(clean(fields), message),
      warn: (fields, message) => log.warn(clean(fields), message),
      error: (fields, message) => log.error(clean(fields), message),
    }),
  }
}
