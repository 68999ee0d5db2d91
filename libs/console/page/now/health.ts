import type { FleetView } from '@agentfleet/protocol'

/** Returns the look of a status of the fleet; the gateway decides the status and its words. */
export function lookOf(status: FleetView['status']): 'good' | 'watch' | 'bad' {
  if (status === 'ok') return 'good'
  return status === 'degraded' ? 'watch' : 'bad'
}

/** Counts nodes by the state that the page shows; a draining node that lives counts as draining. */
export function nodesByState(
  nodes: readonly { readonly state: string; readonly draining: boolean }[],
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const node of nodes) {
    const state = shownState(node)
    counts[state] = (counts[state] ?? 0) + 1
  }
  return counts
}

/** Returns the state of a node as the page shows it. */
export function shownState(node: { readonly state: string; readonly draining: boolean }): string {
  return node.state === 'alive' && node.draining ? 'draining' : node.state
}
