import { HOUR_MS } from '@agentfleet/domain'

/** A period in which tasks were submitted, as the filters of the list name it. */
export interface Period {
  readonly words: string
  readonly createdAfter: string
  readonly createdBefore: string | undefined
}

/** The periods that readers ask for most. Days begin at midnight in UTC or in the zone of the browser. */
export function periodsOf(nowMs: number, inUtc: boolean): readonly Period[] {
  const [today, yesterday, weekAgo] = [0, 1, 6].map((days) => dayBefore(nowMs, days, inUtc))
  const period = (words: string, fromMs = 0, toMs?: number): Period => ({
    words,
    createdAfter: new Date(fromMs).toISOString(),
    createdBefore: toMs === undefined ? undefined : new Date(toMs).toISOString(),
  })
  return [
    period('in the last hour', nowMs - HOUR_MS),
    period('today', today),
    period('yesterday', yesterday, today),
    period('in the last 7 days', weekAgo),
  ]
}

/** The midnight with which a day began. Days with a change of the clock are not 24 hours long. */
function dayBefore(nowMs: number, days: number, inUtc: boolean): number {
  const at = new Date(nowMs)
  return inUtc
    ? Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() - days)
    : new Date(at.getFullYear(), at.getMonth(), at.getDate() - days).getTime()
}
