/**
 * How a tool reports a failed call. The model receives any other error that a tool throws and may react to
 * it; a `retry` does not concern the model: the attempt ends and the task is retried later, from its journal,
 * with the same idempotency key.
 */

/** An error that says how to react to it. */
export interface ToolFailure extends Error {
  readonly next: 'retry' | 'tell-model'
}

/** Recognized by its field, not by its class: a tool may have its own copy of this package. */
const NEXT = ['retry', 'tell-model']

/** Makes the error that a tool throws: `retry` the attempt later, or `tell-model` now. */
export function toolFailure(
  next: ToolFailure['next'],
  message: string,
  cause?: unknown,
): ToolFailure {
  return Object.assign(new Error(message, { cause }), { next })
}

/** Whether a thrown value says how to react to it. */
export function isToolFailure(error: unknown): error is ToolFailure {
  return error instanceof Error && 'next' in error && NEXT.includes(String(error.next))
}
