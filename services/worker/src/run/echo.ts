/**
 * The built-in model `echo`: answers with the task's text, without a provider. `echo?ms=50` waits
 * before it does. It measures the system without an LLM, and costs next to nothing.
 */

/** An hour at the most: longer waits are taken for a mistake. */
const WAIT_MAX_MS = 3_600_000
const PATTERN = /^echo(?:\?ms=(\d{1,7}))?$/

/** How long this echo waits, milliseconds; undefined: the model is no echo. */
export function echoWaitMs(model: string): number | undefined {
  if (model === 'echo') return 0
  if (!model.startsWith('echo?')) return undefined
  const match = PATTERN.exec(model)
  return match === null ? undefined : Math.min(WAIT_MAX_MS, Number(match[1]))
}
