import type { PlacementDecision } from './select.ts'

/** Longest note, in characters: it is kept with every task. */
const NOTE_MAX = 200

/**
 * A decision in one line for a task's record, such as
 * `lowest-load of 20 nodes: w3 0.42 (12 free), w7 0.44 (11 free); skipped 1 suspect, 4 full`.
 */
export function placementNote(decision: PlacementDecision): string {
  const { considered, skipped, candidates } = decision.weighed
  const best = candidates.map(({ id, score, free }) => `${id} ${score} (${free} free)`).join(', ')
  const left = Object.entries(skipped)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')
  const note =
    `${decision.reason} of ${considered} nodes` +
    (best === '' ? '' : `: ${best}`) +
    (left === '' ? '' : `; skipped ${left}`)
  return note.length <= NOTE_MAX ? note : `${note.slice(0, NOTE_MAX - 1)}…`
}
