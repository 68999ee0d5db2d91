import { CLOCK_TOLERANCE_MS } from './logged-event.ts'

/** Calls of one step of a task, by the simulator's counts. */
export interface CallCount {
  readonly taskId: string
  readonly step: string
  readonly started: number
  readonly finished: number
  /** When the step was asked for last, in epoch milliseconds. */
  readonly lastStartedAtMs?: number
}

/** When each call was stored: the answer of `taskId/step`, and the result of `taskId`, in epoch milliseconds. */
export type StoredAt = ReadonlyMap<string, number>

/** A call that was made again although the log held its answer; times in epoch milliseconds. */
export interface StoredCall {
  readonly taskId: string
  readonly step: string
  readonly storedAtMs: number
  readonly askedAgainAtMs: number
}

/** Calls that were paid for more than once, over all simulators. */
export interface PaidTwice {
  /** Steps begun more than once: calls cut off by a crash count here, and are allowed. */
  readonly startedTwice: number
  /** Steps whose answer was complete more than once: a crash between answer and journal, or a fault. */
  readonly finishedTwice: number
  /**
   * Of these, steps that were asked for again although the log held their answer: the fleet could have known.
   * The others had answers that were under way when their node died, froze or lost its connection.
   */
  readonly stored: readonly StoredCall[]
}

/** Adds up counts per step: two simulators may each have seen one of two calls. */
export function paidTwice(
  counts: Iterable<CallCount>,
  storedAt: StoredAt = new Map<string, number>(),
): PaidTwice {
  const sums = new Map<string, Required<CallCount>>()
  for (const { taskId, step, started, finished, lastStartedAtMs = 0 } of counts) {
    const name = `${taskId}/${step}`
    const sum = sums.get(name)
    sums.set(name, {
      taskId,
      step,
      started: started + (sum?.started ?? 0),
      finished: finished + (sum?.finished ?? 0),
      lastStartedAtMs: Math.max(lastStartedAtMs, sum?.lastStartedAtMs ?? 0),
    })
  }
  const all = [...sums]
  const twice = all.map(([, sum]) => sum).filter(({ finished }) => finished > 1)
  const stored = twice.flatMap(({ taskId, step, lastStartedAtMs: askedAgainAtMs }) => {
    const storedAtMs = storedAt.get(`${taskId}/${step}`) ?? storedAt.get(taskId) ?? Infinity
    const late = askedAgainAtMs > storedAtMs + CLOCK_TOLERANCE_MS
    return late ? [{ taskId, step, storedAtMs, askedAgainAtMs }] : []
  })
  return {
    startedTwice: all.filter(([, { started }]) => started > 1).length,
    finishedTwice: twice.length,
    stored,
  }
}
