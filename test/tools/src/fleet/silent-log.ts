import type { Logger } from '@agentfleet/adapters'

/** A log that says nothing: lost connections are part of the proofs, and only the outcome is worth a line. */
export function silentLog(): Logger {
  const quiet = (): void => undefined
  return { debug: quiet, info: quiet, warn: quiet, error: quiet }
}
