import type { Budget, Failure } from '@agentfleet/domain'

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

/** What a wait comes to: how long it lasts, and why it fails then if it is cut short. */
export interface EchoWait {
  readonly forMs: number
  readonly failure?: Failure
}

/**
 * Cuts a wait to the time that its task has left: a slot is held no longer than any other run would hold
 * it. `leftMs` is the time to the deadline, `spentMs` the time since the submission.
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
    const message = `the budget of ${wallMs} ms ends before the echo of ${waitMs} ms`
    return { forMs: budgetMs, failure: { kind: 'budget', message } }
  }
  const message = `the deadline comes before the echo of ${waitMs} ms`
  return { forMs: Math.max(0, leftMs), failure: { kind: 'deadline', message } }
}
