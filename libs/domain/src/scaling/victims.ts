/** A node that could be drained. */
export interface Victim {
  readonly id: string
  readonly active: number
  readonly startedAtMs: number
  /** False while it has never served: it goes first. */
  readonly ready?: boolean
  /** When its longest task will probably have ended, milliseconds from now. */
  readonly remainingMs?: number
}

/** What a busy node costs beyond its remaining time, seconds: an idle one always goes before. */
const BUSY_COST_S = 10

/** What draining this node costs; also what stands in Kubernetes' pod-deletion-cost. */
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
