import { duration, plural } from '../format/format.ts'

/** A queued task that waits longer than this is worth a word, milliseconds. */
const LONG_WAIT_MS = 10_000

/** The facts from which the page tells whether work flows. */
export interface Seen {
  readonly status: 'ok' | 'no-available-nodes' | 'unknown'
  readonly explanation: string
  readonly queued: number
  readonly running: number
  readonly oldestWaitingMs?: number
  readonly nodes: readonly { readonly state: string; readonly draining: boolean }[]
  readonly openIncidents: number
}

/** Answers "is work flowing?" in a sentence; `kind` chooses its look. */
export function healthOf(seen: Seen): {
  readonly kind: 'good' | 'watch' | 'bad'
  readonly text: string
} {
  const { status, explanation, queued, running, oldestWaitingMs = 0, openIncidents } = seen
  if (status !== 'ok') {
    return {
      kind: 'bad',
      text:
        status === 'unknown' ? `The state of the fleet is unknown. ${explanation}` : explanation,
    }
  }
  const ill = seen.nodes.filter(({ state }) => state !== 'alive').length
  const problems = [
    ...(openIncidents > 0 ? [`${plural(openIncidents, 'incident')} open`] : []),
    ...(ill > 0 ? [`${plural(ill, 'node')} not alive`] : []),
    ...(oldestWaitingMs > LONG_WAIT_MS
      ? [`your oldest queued task has waited ${duration(oldestWaitingMs)}`]
      : []),
  ]
  if (problems.length > 0) return { kind: 'watch', text: `Work flows, but ${problems.join(', ')}.` }
  if (running + queued === 0) return { kind: 'good', text: 'The fleet is ready and has no work.' }
  return { kind: 'good', text: 'Work flows.' }
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
