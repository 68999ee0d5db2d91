import type { Budget, Failure } from '@agentfleet/domain'

/** Patterns of the models that the worker itself answers, written like the models of a provider. */
export const ECHO_MODELS = ['echo', 'echo?ms=*'] as const

/** How long a wait lasts, and why it fails if it is shortened. */
interface EchoWait {
  readonly forMs: number
  readonly failure?: Failure
}

/**
 * Shortens a wait to the time that its task has left, so that it holds its slot no longer than any
 * other run could. `leftMs` is the time to the deadline, `spentMs` the time since the submission.
 */
export function boundedWait(
  waitMs: number,
  { wallMs }: Pick<Budget, 'wallMs'>,
  spentMs: number,
  leftMs: number,
): EchoWait {
  const budgetMs = wallMs === undefined ? Infinity : Math.max(0, wallMs - spentMs)
  if (waitMs <= Math.min(budgetMs, leftMs)) return { forMs: waitMs }
  if (budgetMs <= leftMs) {
    const message = `the budget of ${wallMs} ms ends before the echo, which takes ${waitMs} ms`
    return { forMs: budgetMs, failure: { kind: 'budget', message } }
  }
  const message = `the deadline of the task comes before the end of the echo, which takes ${waitMs} ms`
  return { forMs: Math.max(0, leftMs), failure: { kind: 'deadline', message } }
}
