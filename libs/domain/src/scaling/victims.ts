/** A node that could be drained. */
export interface Victim {
  readonly id: string
  readonly active: number
  readonly startedAtMs: number
  /** False while it has never served: it is drained first. */
  readonly ready?: boolean
  /** When its longest task will probably have ended, milliseconds from now. */
  readonly remainingMs?: number
}

/** The cost of a busy node beyond its remaining time, seconds: an idle node is always drained first. */
const BUSY_COST_S = 10

/** The cost of draining this node; also the value of Kubernetes' pod-deletion-cost. */
export function drainCost({ active, ready, remainingMs }: Victim): number {
  if (ready === false && active === 0) return -1
  if (active === 0) return 0
  return BUSY_COST_S + Math.ceil((remainingMs ?? 0) / 1_000)
}

/** The cheapest nodes to drain, then the least busy, then the newest: `count` of them. */
export function selectVictims(nodes: readonly Victim[], count: number): readonly string[] {
  return [...nodes]
    .sort(
      (a, b) =>
        drainCost(a) - drainCost(b) ||
        a.active - b.active ||
        b.startedAtMs - a.startedAtMs ||
        (a.id < b.id ? -1 : 1),
    )
    .slice(0, Math.max(0, count))
    .map((node) => node.id)
}
