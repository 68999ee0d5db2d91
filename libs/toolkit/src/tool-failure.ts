/**
 * How a tool says what became of a call that went wrong. What a tool throws otherwise is told to the
 * model, which may try something else; a `retry` is not the model's business: the attempt ends and the
 * task is tried again later, from its journal, with the same idempotency key.
 */

/** An error with a word on what to do about it. */
export interface ToolFailure extends Error {
  readonly next: 'retry' | 'tell-model'
}

/** Known by its field, not by its class: a tool may bring a copy of this package of its own. */
const NEXT = ['retry', 'tell-model']

/** Makes the error that a tool throws: `retry` the attempt later, or `tell-model` now. */
export function toolFailure(
  next: ToolFailure['next'],
  message: string,
  cause?: unknown,
): ToolFailure {
  return Object.assign(new Error(message, { cause }), { next })
}

/** Whether something that was thrown says what to do about it. */
export function isToolFailure(error: unknown): error is ToolFailure {
  return error instanceof Error && 'next' in error && NEXT.includes(String(error.next))
}
