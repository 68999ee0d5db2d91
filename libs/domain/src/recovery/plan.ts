import type { NodeState } from '../liveness/liveness.ts'

/** A pointer held by a node that died. */
interface StrandedTask {
  readonly taskId: string
  readonly ackSubject: string
}

/** Recovery's plan for a dead node. */
interface RecoveryPlan {
  readonly kind: 'redistribute' | 'nothing'
  readonly reason: string
  /** Pointers to give back, in batches: each batch follows once the one before was taken up. */
  readonly batches: readonly (readonly StrandedTask[])[]
}

/** Smaller batches would only cost time: a broker takes one of this size in a few milliseconds. */
const BATCH_MIN = 500
/**
 * Never more batches: with the longest wait between two (40 ms) all pointers are back within the failover
 * budget of 300 ms. Pointers beyond the free credits wait at the broker, not on a node, so this costs order
 * and never overloads.
 */
const BATCHES_MAX = 3

/**
 * Gives every stranded pointer back once, bounded by the free credits of the living nodes. Tasks that are
 * suspected of killing their nodes come last, so that the other tasks have started on other nodes before them.
 */
export function planRecovery(
  stranded: readonly StrandedTask[],
  freeCredits: number,
  suspects: ReadonlySet<string> = new Set(),
): RecoveryPlan {
  if (stranded.length === 0) return { kind: 'nothing', reason: 'no-tasks', batches: [] }
  const size = Math.max(BATCH_MIN, freeCredits, Math.ceil(stranded.length / BATCHES_MAX))
  const last = stranded.filter(({ taskId }) => suspects.has(taskId))
  const ordered =
    last.length === 0
      ? stranded
      : [...stranded.filter(({ taskId }) => !suspects.has(taskId)), ...last]
  const batches: StrandedTask[][] = []
  for (let start = 0; start < ordered.length; start += size) {
    batches.push(ordered.slice(start, start + size))
  }
  return { kind: 'redistribute', reason: 'node-dead', batches }
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
