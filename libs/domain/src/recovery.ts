/** A pointer held by a node that died. */
export interface StrandedTask {
  readonly taskId: string
  readonly ackSubject: string
}

/** What recovery does about a dead node. */
export interface RecoveryPlan {
  readonly kind: 'redistribute' | 'nothing'
  readonly reason: string
  /** Pointers to give back, in batches: the next one goes once the one before was taken up. */
  readonly batches: readonly (readonly StrandedTask[])[]
}

/** Smaller batches than this would only cost time: a broker takes it in a few milliseconds. */
const BATCH_MIN = 500
/**
 * Never more batches than this: with the longest wait between two (40 ms) all pointers are back
 * within the failover budget of 300 ms. What is given back beyond the free credits waits at the
 * broker, not on a node, so this costs order, never overload.
 */
const BATCHES_MAX = 3

/** Gives every stranded pointer back once, bounded by the free credits of the living nodes. */
export function planRecovery(stranded: readonly StrandedTask[], freeCredits: number): RecoveryPlan {
  if (stranded.length === 0) return { kind: 'nothing', reason: 'no-tasks', batches: [] }
  const size = Math.max(BATCH_MIN, freeCredits, Math.ceil(stranded.length / BATCHES_MAX))
  const batches: StrandedTask[][] = []
  for (let start = 0; start < stranded.length; start += size) {
    batches.push(stranded.slice(start, start + size))
  }
  return { kind: 'redistribute', reason: 'node-dead', batches }
}

/** Load of one living node, as far as credits follow from it. */
export interface NodeCredits {
  readonly state: 'alive' | 'suspect' | 'dead'
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

/** What is known when a verdict is handled. */
export interface DeathEvidence {
  /** Reason of the verdict. */
  readonly reason: string
  /** The same process is heard again, with a higher incarnation. */
  readonly resumed: boolean
  /** A new process runs under the same name. */
  readonly restarted: boolean
  readonly orchestrated: boolean
  /** Replacements ordered within the last ten minutes. */
  readonly recentReplacements: number
}

/** What to do about the process of a dead node. */
export interface NodeAction {
  readonly kind: 'replace' | 'investigate' | 'none'
  readonly reason: string
}

/** More replacements than this within ten minutes are a crash loop that another one will not end. */
const REPLACEMENTS_MAX = 10

/**
 * Replaces a process that is surely gone, and only that: one that is silent with its connection open
 * may be paused and go on, so it is left for a person to look at.
 */
export function planNodeAction(evidence: DeathEvidence): NodeAction {
  if (evidence.resumed) return { kind: 'none', reason: 'resumed' }
  if (evidence.restarted) return { kind: 'none', reason: 'restarted' }
  if (evidence.reason !== 'connection-gone') {
    return { kind: 'investigate', reason: 'may-resume' }
  }
  if (evidence.recentReplacements >= REPLACEMENTS_MAX) {
    return { kind: 'investigate', reason: 'crash-loop' }
  }
  if (!evidence.orchestrated) return { kind: 'none', reason: 'no-orchestrator' }
  return { kind: 'replace', reason: 'process-gone' }
}
