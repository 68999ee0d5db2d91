import type { TaskSpec } from '../task/spec.ts'

/**
 * How several tenants share the slots of a fleet.
 *
 * Deficit round robin over what is in flight: each free slot goes to the tenant whose work in flight
 * costs least for its weight, and among equal ones to the one that was served least. So whoever comes
 * with ten tasks behind somebody's 100,000 gets the next free slots until it holds its part, and a
 * tenant of long or expensive tasks holds as much of the fleet as one of short and cheap ones. What a
 * tenant does not use is nobody's: it is given to the others at once and not saved up.
 */

/** What a tenant is allowed. */
export interface TenantAllowance {
  /** Its part of the fleet in proportion to the weights of the others, above 0. */
  readonly weight: number
  /** Tasks it may have in flight at once; undefined: as many as there are slots. */
  readonly concurrency?: number
}

/** Without a word about a tenant it counts once and has no limit of its own. */
export const DEFAULT_ALLOWANCE: TenantAllowance = { weight: 1 }

/** One tenant with tasks that wait. */
export interface Claim extends TenantAllowance {
  readonly tenant: string
  /** Tasks known to wait. */
  readonly waiting: number
  /** Tasks in flight, those that are asked for included. */
  readonly inFlight: number
  /** Their cost, tokens. */
  readonly inFlightCost: number
  /** What a task of it costs on average, tokens. */
  readonly taskCost: number
  /** Cost served for its weight since it has tasks that wait, as `joinServed` keeps it. */
  readonly served: number
}

/** Tokens that every task counts at least: a task costs a slot, a process and some writes too. */
const BASE_TOKENS = 1_000
/** What an answer is long that nobody bounded, tokens. */
const ANSWER_TOKENS = 500
/** Characters of text for a token, roughly, in most languages. */
const CHARS_PER_TOKEN = 4
/** No estimate is above it: a wrong one must not shut a tenant out, tokens. */
const COST_MAX = 1_000_000

/** What a task will cost, estimated before anything of it is known but its text. */
export function costOf(spec: TaskSpec): number {
  const context = spec.context === undefined ? 0 : JSON.stringify(spec.context).length
  const chars = spec.task.length + (spec.systemPrompt?.length ?? 0) + context
  const tokens = chars / CHARS_PER_TOKEN + (spec.maxOutputTokens ?? ANSWER_TOKENS)
  return Math.min(COST_MAX, Math.ceil(BASE_TOKENS + tokens))
}

/** What a task counts whose cost nobody said. */
export const COST_UNKNOWN = BASE_TOKENS + ANSWER_TOKENS

/** How many more tasks a tenant may have in flight. */
export function roomOf({ concurrency, inFlight }: Pick<Claim, 'concurrency' | 'inFlight'>): number {
  return concurrency === undefined ? Infinity : Math.max(0, concurrency - inFlight)
}

/**
 * Gives out credits one by one. Never more than there are, than wait, or than a tenant's limit; while
 * one is left, nobody who could use it is without it.
 */
export function shareCredits(credits: number, claims: readonly Claim[]): Map<string, number> {
  const grants = new Map<string, number>()
  const heap = claims.flatMap((claim): Turn[] => {
    const most = Math.floor(Math.min(claim.waiting, roomOf(claim)))
    return most < 1 ? [] : [{ claim, most, level: claim.inFlightCost / claim.weight }]
  })
  if (heap.length === 1 && heap[0] !== undefined) {
    const { claim, most } = heap[0]
    return grants.set(claim.tenant, Math.max(0, Math.min(most, Math.floor(credits))))
  }
  for (let at = (heap.length >> 1) - 1; at >= 0; at -= 1) sink(heap, at)
  for (let left = Math.floor(credits); left >= 1; left -= 1) {
    const turn = heap[0]
    if (turn === undefined) break
    const { claim } = turn
    const granted = (grants.get(claim.tenant) ?? 0) + 1
    grants.set(claim.tenant, granted)
    if (granted >= turn.most) {
      const last = heap.pop()
      if (last !== undefined && heap.length > 0) heap[0] = last
    } else {
      turn.level += claim.taskCost / claim.weight
    }
    sink(heap, 0)
  }
  return grants
}

/**
 * What the tenants with waiting tasks were served, measured from the one served least; one that has
 * just joined them stands there too. Who has nothing that waits is forgotten.
 */
export function joinServed(
  served: ReadonlyMap<string, number>,
  busy: readonly string[],
): Map<string, number> {
  const known = busy.flatMap((tenant) => served.get(tenant) ?? [])
  const least = known.length === 0 ? 0 : known.reduce((a, b) => Math.min(a, b))
  return new Map(busy.map((tenant) => [tenant, Math.max(0, (served.get(tenant) ?? least) - least)]))
}

/** A tenant on the heap, whose root has the next turn. */
interface Turn {
  readonly claim: Claim
  readonly most: number
  level: number
}

function before(a: Turn, b: Turn): boolean {
  if (a.level !== b.level) return a.level < b.level
  return a.claim.served < b.claim.served
}

function sink(heap: Turn[], from: number): void {
  for (let at = from; ;) {
    let first = at
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && before(heap[child]!, heap[first]!)) first = child
    }
    if (first === at) return
    const moved = heap[at]!
    heap[at] = heap[first]!
    heap[first] = moved
    at = first
  }
}
