/**
 * The built-in model `echo` answers with the task's text and needs no provider. `echo?ms=50` waits
 * first. It measures the system without an LLM and costs almost nothing.
 */

/** Milliseconds; a longer wait counts as an error. */
const WAIT_MAX_MS = 3_600_000
const PREFIX = 'echo?'
const PATTERN = /^echo(?:\?ms=(\d{1,7}))?$/

/** Returns how long this echo waits, in milliseconds; undefined if the model is not echo. */
export function echoWaitMs(model: string): number | undefined {
  if (model === 'echo') return 0
  if (!model.startsWith(PREFIX)) return undefined
  const match = PATTERN.exec(model)
  return match === null ? undefined : Math.min(WAIT_MAX_MS, Number(match[1]))
}

/**
 * Returns the fault of the parameters of a model name `echo?…`; undefined if they are right, or for another model.
 */
export function echoProblem(model: string): string | undefined {
  if (!model.startsWith(PREFIX) || PATTERN.test(model)) return undefined
  return 'asks the built-in model echo for something that it does not know: use echo, or echo?ms= with at most seven digits, such as echo?ms=50'
}
