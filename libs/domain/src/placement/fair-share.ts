import type { TaskSpec } from '../task/spec.ts'

/**
 * How several tenants share the slots of a fleet.
 *
 * Deficit round robin over the work in flight: each free slot goes to the tenant whose work in flight costs
 * least for its weight, and among equal tenants to the tenant that was served least. A tenant that submits
 * ten tasks behind another's 100,000 gets the next free slots until it holds its part, and a tenant with
 * long or expensive tasks holds as much of the fleet as a tenant with short and cheap tasks. Other tenants
 * get a tenant's unused part at once; it is not saved up.
 */

/** The share and the limit of a tenant. */
export interface TenantAllowance {
  /** Its part of the fleet in proportion to the weights of the other tenants, above 0. */
  readonly weight: number
  /** Tasks it may have in flight at once; undefined: as many as there are slots. */
  readonly concurrency?: number
}

/** The default: weight 1 and no limit. */
export const DEFAULT_ALLOWANCE: TenantAllowance = { weight: 1 }

/** One tenant with tasks that wait. */
export interface Claim extends TenantAllowance {
  readonly tenant: string
  /** Tasks known to wait. */
  readonly waiting: number
  /** Tasks in flight, including requested ones. */
  readonly inFlight: number
  /** Their cost, tokens. */
  readonly inFlightCost: number
  /** Average cost of its tasks, tokens. */
  readonly taskCost: number
  /** Cost served for its weight since it has waiting tasks, as `joinServed` keeps it. */
  readonly served: number
}

/** Least tokens that a task counts: it also costs a slot, a process and some writes. */
const BASE_TOKENS = 1_000
/** Assumed length of an answer without a limit, tokens. */
const ANSWER_TOKENS = 500
/** Characters of text for a token, roughly, in most languages. */
const CHARS_PER_TOKEN = 4
/** Upper bound of an estimate: a wrong one must not shut a tenant out, tokens. */
const COST_MAX = 1_000_000

/** The estimated cost of a task, when only its spec is known. */
export function costOf(spec: TaskSpec): number {
  const context = spec.context === undefined ? 0 : JSON.stringify(spec.context).length
  const chars = spec.task.length + (spec.systemPrompt?.length ?? 0) + context
  const tokens = chars / CHARS_PER_TOKEN + (spec.maxOutputTokens ?? ANSWER_TOKENS)
  return Math.min(COST_MAX, Math.ceil(BASE_TOKENS + tokens))
}

/** The cost of a task without an estimate. */
export const COST_UNKNOWN = BASE_TOKENS + ANSWER_TOKENS

/** How many more tasks a tenant may have in flight. */
export function roomOf({ concurrency, inFlight }: Pick<Claim, 'concurrency' | 'inFlight'>): number {
  return concurrency === undefined ? Infinity : Math.max(0, concurrency - inFlight)
}

/**
 * Gives out credits one by one. It never gives more than there are, than tasks wait, or than a tenant's
 * limit; it leaves no credit unused that a tenant could use.
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
 * The served cost of the tenants with waiting tasks, measured from the one served least; a tenant that has
 * just joined them starts at the same value. A tenant without waiting tasks is forgotten.
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
