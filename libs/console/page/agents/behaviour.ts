import type { TaskSeries } from '@agentfleet/protocol'

/** How the tasks of one agent ended in a span of time, and what they cost. */
export interface Behaviour {
  readonly agent: string
  readonly completed: number
  readonly failed: number
  /** Completed among completed and failed tasks; undefined if none of them ended. */
  readonly success: number | undefined
  readonly retried: number
  readonly llmCalls: number
  /** Undefined if no call had a price. */
  readonly costUsd: number | undefined
  readonly usdPerTask: number | undefined
}

/** Sums up the steps of each agent, the agent with the most failures first. */
export function behaviourOf({ series }: Pick<TaskSeries, 'series'>): readonly Behaviour[] {
  const all = series.map(({ key = '', points }): Behaviour => {
    const sum = { completed: 0, failed: 0, retried: 0, llmCalls: 0, costUsd: 0 }
    for (const point of points) {
      sum.completed += point.completed
      sum.failed += point.failed
      sum.retried += point.retried
      sum.llmCalls += point.llmCalls
      sum.costUsd += point.costUsd
    }
    const ended = sum.completed + sum.failed
    // The series have no mark for a call without a price: a sum of 0 after calls is not a cost.
    const costUsd = sum.costUsd === 0 && sum.llmCalls > 0 ? undefined : sum.costUsd
    return {
      agent: key,
      ...sum,
      costUsd,
      success: ended === 0 ? undefined : sum.completed / ended,
      usdPerTask: ended === 0 || costUsd === undefined ? undefined : costUsd / ended,
    }
  })
  return all.toSorted((a, b) => b.failed - a.failed || b.completed - a.completed)
}
