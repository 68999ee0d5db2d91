import type { NodeState } from '../liveness/liveness.ts'

/** Smaller batches would only cost time: a broker takes one of this size in a few milliseconds. */
const BATCH_MIN = 500
/**
 * Never more batches: with the longest wait between two (40 ms) all pointers are back within the failover
 * budget of 300 ms. Pointers beyond the free credits wait at the broker, not on a node, so this costs order
 * and never overloads.
 */
const BATCHES_MAX = 3

/**
 * Plans to give every stranded pointer back once, bounded by the free credits of the living nodes: each batch follows
 * once the one before was taken up. Tasks that are suspected of killing their nodes come last, so that the other tasks
 * have started on other nodes before them.
 */
export function planRecovery<Stranded extends { readonly taskId: string }>(
  stranded: readonly Stranded[],
  freeCredits: number,
  suspects: ReadonlySet<string> = new Set(),
): readonly (readonly Stranded[])[] {
  const size = Math.max(BATCH_MIN, freeCredits, Math.ceil(stranded.length / BATCHES_MAX))
  const last = stranded.filter(({ taskId }) => suspects.has(taskId))
  const ordered = [...stranded.filter(({ taskId }) => !suspects.has(taskId)), ...last]
  const batches: Stranded[][] = []
  for (let start = 0; start < ordered.length; start += size) {
    batches.push(ordered.slice(start, start + size))
  }
  return batches
}

/** Load of one living node, as far as credits depend on it. */
interface NodeCredits {
  readonly state: NodeState
  readonly draining: boolean
  readonly slots: number
  readonly active: number
  readonly queued: number
}

/** Tasks that the living nodes can take now. */
export function freeCredits(nodes: readonly NodeCredits[]): number {
  let free = 0
  for (const node of nodes) {
    if (node.state !== 'alive' || node.draining) continue
    free += Math.max(0, node.slots - node.active - node.queued)
  }
  return free
}
