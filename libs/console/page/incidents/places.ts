import { duration } from '@agentfleet/domain'
import type { Stage } from './stages.ts'

/**
 * Places points of time on a line from 0 to `width`, in proportion to their times. Points that are closer than `gap`
 * are moved apart, so that each has room for its name.
 */
export function placesOf(atMs: readonly number[], width: number, gap: number): readonly number[] {
  const [first = 0] = atMs
  const spanMs = Math.max(1, (atMs.at(-1) ?? first) - first)
  const places = atMs.map((each) => ((each - first) / spanMs) * width)
  for (let at = 1; at < places.length; at += 1) {
    places[at] = Math.max(places[at]!, places[at - 1]! + gap)
  }
  // The last points may now be beyond the end: they move back, and the points before them make room.
  let limit = width
  for (let at = places.length - 1; at >= 0; at -= 1) {
    places[at] = Math.min(places[at]!, limit)
    limit = places[at]! - gap
  }
  return places
}

/** Writes how long after the stage before a stage was reached. */
export function sinceWords(stage: Stage, before: Stage | undefined): string {
  if (before === undefined) return 'the first'
  const ms = stage.atMs - before.atMs
  return ms === 0 ? `together with “${before.name}”` : `${duration(ms)} after “${before.name}”`
}
