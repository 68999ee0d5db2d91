import type { TaskSeries } from '@agentfleet/protocol'
import type { Point } from '../parts/line.ts'

type StatsPoint = TaskSeries['series'][number]['points'][number]

const STEPS_MS: Readonly<Record<TaskSeries['step'], number>> = {
  '10s': 10_000,
  '1m': 60_000,
  '1h': 3_600_000,
}

/**
 * Returns one figure for each step that the answer knows. A step in which nothing happened has no point in the
 * answer: a counter was 0 there, and a duration was not measured.
 */
export function pointsOf(
  series: TaskSeries,
  value: (point: StatsPoint) => number | undefined,
  empty: number | undefined,
): readonly Point[] {
  const stepMs = STEPS_MS[series.step]
  const byTime = new Map(series.series[0]?.points.map((point) => [Date.parse(point.at), point]))
  const fromMs = Math.max(Date.parse(series.from), Date.parse(series.knownFrom))
  const points: Point[] = []
  // The last step is not over, so its counters would always fall.
  const endMs = Date.parse(series.to) - stepMs
  for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= endMs; atMs += stepMs) {
    const point = byTime.get(atMs)
    const figure = point === undefined ? empty : value(point)
    if (figure !== undefined) points.push({ atMs, value: figure })
  }
  return points
}

/** Adds up a figure over the last steps. */
export function sumOf(series: TaskSeries, value: (point: StatsPoint) => number): number {
  return (series.series[0]?.points ?? []).reduce((sum, point) => sum + value(point), 0)
}
