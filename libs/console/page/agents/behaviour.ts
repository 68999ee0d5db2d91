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
  readonly unpricedCalls: number
  readonly costUsd: number
  /** The cost divided by the ended tasks; undefined if none of them ended. */
  readonly usdPerTask: number | undefined
}

/** Sums up the steps of each agent, the agent with the most failures first. */
export function behaviourOf({ series }: Pick<TaskSeries, 'series'>): readonly Behaviour[] {
  const all = series.map(({ key = '', points }): Behaviour => {
    const sum = { completed: 0, failed: 0, retried: 0, llmCalls: 0, unpricedCalls: 0, costUsd: 0 }
    for (const point of points) {
      sum.completed += point.completed
      sum.failed += point.failed
      sum.retried += point.retried
      sum.llmCalls += point.llmCalls
      sum.unpricedCalls += point.unpricedCalls
      sum.costUsd += point.costUsd
    }
    const ended = sum.completed + sum.failed
    return {
      agent: key,
      ...sum,
      success: ended === 0 ? undefined : sum.completed / ended,
      usdPerTask: ended === 0 ? undefined : sum.costUsd / ended,
    }
  })
  return all.toSorted((a, b) => b.failed - a.failed || b.completed - a.completed)
}
