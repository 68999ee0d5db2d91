import { LEVELS, type Level } from '../task/spec.ts'

/** A load balancer's knowledge before it fetches pointers. */
interface IntakeSnapshot {
  /** Free credits, without those reserved for tasks in hand. */
  readonly credits: number
  /** Pointers known to wait, by priority. */
  readonly waiting: Readonly<Record<Level, number>>
  /** Pointers requested and not received yet, by priority. */
  readonly asked: Readonly<Record<Level, number>>
  /** The result of `countServed`; without it only the moment is fair, not the hour. */
  readonly served?: Served
}

/** Fetched pointers of each priority, by which priorities with a backlog are compared. */
export type Served = Readonly<Record<Level, number>>

/** Share of the credits that a priority with a backlog gets; low never starves. */
const WEIGHT: Record<Level, number> = { high: 6, medium: 3, low: 1 }
/** A priority without a known backlog keeps a small request open, so that its first task is fast. */
const DOORBELL_SHARE = 0.1
const DOORBELL_MAX = 256
/** Most urgent first: the order in which leftover credits are given when all else is equal. */
const BY_URGENCY: readonly Level[] = LEVELS.toReversed()

/** Nothing fetched yet. */
export const NOTHING_SERVED: Served = { low: 0, medium: 0, high: 0 }

/**
 * How many pointers of one priority to request now: a priority with a backlog gets at most its part of the
 * credits and what the other priorities leave; a priority without a backlog gets a doorbell. The single
 * message of a doorbell needs no credit: if it took the last one, an idle priority would starve a busy one,
 * and without a doorbell the first urgent task behind a backlog would go unnoticed.
 */
export function planIntake(priority: Level, snapshot: IntakeSnapshot): number {
  const { credits, waiting, asked } = snapshot
  if (credits < 1) return 0
  let free = credits
  for (const level of LEVELS) {
    if (level !== priority)
      free -= waiting[level] > 0 ? asked[level] : Math.max(0, asked[level] - 1)
  }
  if (waiting[priority] === 0) {
    return Math.max(1, Math.min(DOORBELL_MAX, Math.floor(free * DOORBELL_SHARE)))
  }
  return Math.max(0, Math.min(free, entitlement(priority, snapshot)))
}

/**
 * Notes `count` fetched pointers of a priority, and the backlog afterwards. A priority without a backlog is
 * raised to the level of the other priorities: its unused share is not saved up.
 */
export function countServed(
  served: Served,
  priority: Level,
  count: number,
  waiting: Readonly<Record<Level, number>>,
): Served {
  const next = { ...served, [priority]: served[priority] + count }
  const busy = LEVELS.filter((level) => waiting[level] > 0)
  if (busy.length === 0) return NOTHING_SERVED
  const least = Math.min(...busy.map((level) => next[level] / WEIGHT[level]))
  for (const level of LEVELS) {
    // Measured from the one served least, so that the numbers stay small.
    const turns = next[level] / WEIGHT[level] - least
    next[level] = waiting[level] > 0 ? turns * WEIGHT[level] : Math.max(0, turns) * WEIGHT[level]
  }
  return next
}

/**
 * The part of all credits that brings the priority level with the other priorities by weight: each credit goes
 * to the priority that was served least for its weight; the function computes this for all credits at once.
 */
function entitlement(
  priority: Level,
  { credits, waiting, served = NOTHING_SERVED }: IntakeSnapshot,
) {
  const busy = BY_URGENCY.filter((level) => waiting[level] > 0)
  const surface = levelOf(busy, served, credits)
  const part = (level: Level): number =>
    Math.max(0, Math.floor(surface * WEIGHT[level] - served[level]))
  let left = credits - busy.reduce((sum, level) => sum + part(level), 0)
  let own = part(priority)
  // At most one odd credit for each.
  const next = (level: Level): number => (served[level] + part(level) + 1) / WEIGHT[level]
  for (const level of [...busy].sort((a, b) => next(a) - next(b))) {
    if (left < 1) break
    left -= 1
    if (level === priority) own += 1
  }
  return own
}

/** The surface of `credits` poured into vessels as wide as the weights, filled as far as they were served. */
function levelOf(busy: readonly Level[], served: Served, credits: number): number {
  const rising = [...busy].sort((a, b) => served[a] / WEIGHT[a] - served[b] / WEIGHT[b])
  let width = 0
  let volume = credits
  let surface = 0
  for (const level of rising) {
    const bottom = served[level] / WEIGHT[level]
    if (width > 0 && volume <= (bottom - surface) * width) break
    if (width > 0) volume -= (bottom - surface) * width
    surface = bottom
    width += WEIGHT[level]
  }
  return surface + volume / width
}
