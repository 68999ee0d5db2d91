/**
 * What a load balancer does with pointers that no node can take now.
 *
 * A pointer in hand that waits for room of its class must not take the room of other tenants. So each tenant
 * may have only a few pointers in hand, ready for the next free place, and its other pointers go back to
 * their queue. Invariants:
 * - HELD-1: no tenant has more pointers in hand than its part, no matter how much it submits; the pointers of
 *   all tenants together are bounded too (L7).
 * - HELD-2: the oldest pointers of a tenant stay in hand, so that no later pointer overtakes them.
 * - HELD-3: a pointer whose task is past its deadline goes back; the coordinator ends the task and
 *   removes the pointer.
 */

/** A pointer that found no node. */
interface StuckPointer {
  readonly pointer: { readonly tenant: string; readonly deadlineAtMs: number }
}

/** Enough to fill what comes free within one round trip to the queue. */
export const STUCK_PER_TENANT = 16
/** A few kB each; with so many tenants the free places are used all the same. */
const STUCK_MAX = 2_000
/** A coordinator has ended a task this long after its deadline, milliseconds. */
const DEADLINE_GRACE_MS = 5_000

/** Which of these pointers, oldest first, stay in hand and which go back. */
export function planHand<T extends StuckPointer>(
  stuck: readonly T[],
  nowMs: number,
): { readonly keep: readonly T[]; readonly back: readonly T[] } {
  const keep: T[] = []
  const back: T[] = []
  const counts = new Map<string, number>()
  for (const item of stuck) {
    const { tenant, deadlineAtMs } = item.pointer
    const count = counts.get(tenant) ?? 0
    const late = nowMs > deadlineAtMs + DEADLINE_GRACE_MS
    if (late || count >= STUCK_PER_TENANT || keep.length >= STUCK_MAX) {
      back.push(item)
      continue
    }
    counts.set(tenant, count + 1)
    keep.push(item)
  }
  return { keep, back }
}

/** How many pointers a tenant may still have in hand in addition to those that found no node. */
export function handRoom(stuck: number): number {
  return stuck === 0 ? Infinity : Math.max(0, STUCK_PER_TENANT - stuck)
}

/**
 * The order in which pointers of several tenants are tried: each time the tenant is next whose work in flight
 * costs least for its weight, counting what was tried before it. Within a tenant the order stays.
 */
export function inTurn<T extends { readonly pointer: { readonly tenant: string } }>(
  items: readonly T[],
  standingOf: (tenant: string) => { readonly level: number; readonly step: number },
): T[] {
  const queues = new Map<string, T[]>()
  for (const item of items) {
    const { tenant } = item.pointer
    const queue = queues.get(tenant)
    if (queue === undefined) queues.set(tenant, [item])
    else queue.push(item)
  }
  if (queues.size <= 1) return [...items]
  const turns = [...queues].flatMap(([tenant, queue]) => {
    const { level, step } = standingOf(tenant)
    return queue.map((item, at) => ({ item, at: level + at * step }))
  })
  return turns.sort((a, b) => a.at - b.at).map(({ item }) => item)
}
