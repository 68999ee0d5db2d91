import { LEVELS, type Level } from './task.ts'

/** What a load balancer knows before it fetches pointers. */
export interface IntakeSnapshot {
  /** Free credits that are not spoken for by tasks in hand. */
  readonly credits: number
  /** Pointers known to wait, by priority. */
  readonly waiting: Readonly<Record<Level, number>>
  /** Pointers asked for and not received yet, by priority. */
  readonly asked: Readonly<Record<Level, number>>
}

/** Share of the credits that a priority with a backlog may ask for; low never starves. */
const WEIGHT: Record<Level, number> = { high: 6, medium: 3, low: 1 }
/** A priority without a known backlog keeps a small request open, so that its first task is fast. */
const DOORBELL_SHARE = 0.1
const DOORBELL_MAX = 256

/** How many pointers of one priority to ask for now, at most the credits left by the others. */
export function planIntake(priority: Level, snapshot: IntakeSnapshot): number {
  const others = LEVELS.reduce(
    (sum, level) => sum + (level === priority ? 0 : snapshot.asked[level]),
    0,
  )
  const free = snapshot.credits - others
  if (free < 1) return 0
  if (snapshot.waiting[priority] === 0) {
    return Math.min(free, Math.max(1, Math.min(DOORBELL_MAX, Math.floor(free * DOORBELL_SHARE))))
  }
  const weights = LEVELS.reduce(
    (sum, level) => sum + (snapshot.waiting[level] > 0 ? WEIGHT[level] : 0),
    0,
  )
  const share = Math.floor((snapshot.credits * WEIGHT[priority]) / weights)
  return Math.min(free, Math.max(1, share))
}
