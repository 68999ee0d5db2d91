import type { FleetView, NodeColumns } from '@agentfleet/protocol'

/** Returns the look of a status of the fleet; the gateway decides the status and its words. */
export function lookOf(status: FleetView['status']): 'good' | 'watch' | 'bad' {
  if (status === 'ok') return 'good'
  return status === 'degraded' ? 'watch' : 'bad'
}

/** Counts nodes by the state that the page shows; a draining node that lives counts as draining. */
export function nodesByState({ state, draining }: NodeColumns): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let at = 0; at < state.length; at += 1) {
    const shown = shownState(state[at]!, draining[at])
    counts[shown] = (counts[shown] ?? 0) + 1
  }
  return counts
}

/** Returns the state of a node as the page shows it. */
export function shownState(state: string, draining = false): string {
  return state === 'alive' && draining ? 'draining' : state
}
