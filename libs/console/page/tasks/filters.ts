import type { TaskSummary } from '@agentfleet/protocol'

/** The states of a task, in the order of its life. */
export const STATES = [
  'waiting',
  'queued',
  'running',
  'retrying',
  'completed',
  'failed',
  'cancelled',
] as const satisfies readonly TaskSummary['state'][]

/** The filters of the list that the API has, by their name in the query. */
export const FILTERS = ['state'] as const

/** Returns the filters that an address names, ready for the API. */
export function filtersOf(query: Readonly<Record<string, string>>): Record<string, string> {
  const given = FILTERS.flatMap((name) => {
    const value = query[name]?.trim() ?? ''
    return value === '' ? [] : [[name, value] as const]
  })
  return Object.fromEntries(given)
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled'])

/** Whether a task in this state can still change. */
export function isEnded(state: TaskSummary['state']): boolean {
  return ENDED.has(state)
}
