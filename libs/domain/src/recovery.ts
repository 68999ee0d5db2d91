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

/** A batch never asks for more than the living nodes can hold, and never for less than this. */
const BATCH_MIN = 50

/** Gives every stranded pointer back once, bounded by the free credits of the living nodes. */
export function planRecovery(stranded: readonly StrandedTask[], freeCredits: number): RecoveryPlan {
  if (stranded.length === 0) return { kind: 'nothing', reason: 'no-tasks', batches: [] }
  const size = Math.max(BATCH_MIN, freeCredits)
  const batches: StrandedTask[][] = []
  for (let start = 0; start < stranded.length; start += size) {
    batches.push(stranded.slice(start, start + size))
  }
  return { kind: 'redistribute', reason: 'node-dead', batches }
}
