/**
 * The durations of the system that may shrink together. Tests run with a tenth of them, so that a lease
 * that ends or a repair that is due is seen in seconds. Heartbeats and failure detection are not among
 * them: a tenth of those would declare living nodes dead on a busy machine.
 */
export interface Timing {
  /** The factor that all of this was multiplied with: 1 in production. */
  readonly scale: number
  /** How long an unrenewed pointer stays with its node before it is handed out again. */
  readonly leaseMs: number
  /** A running task renews its pointer this often: two renewals may be lost. */
  readonly renewEveryMs: number
  /** How long a death stays with a silent recovery before another replica takes it over. */
  readonly deathLeaseMs: number
  /** A recovery renews the deaths that it holds this often: two renewals may be lost. */
  readonly deathRenewEveryMs: number
  /** The outcome of an incident is watched for this long; a task without a start by then lacks capacity. */
  readonly outcomeWithinMs: number
  /** A process that appends an event also does what follows from it; the follower waits this long. */
  readonly followAfterMs: number
  /** Retries are due to within this. */
  readonly retriesEveryMs: number
  /** Deadlines of tasks hold to within this. */
  readonly deadlinesEveryMs: number
  /** Unfinished tasks and pointers are counted and compared this often. */
  readonly pointersEveryMs: number
  /** All pointers are listed at least this often: counts can hide a pair of faults. */
  readonly listPointersEveryMs: number
  /** Children that their parent's ending left over are looked for this often. */
  readonly childrenEveryMs: number
  /** Waits whose end was missed are looked for this often. */
  readonly waitsEveryMs: number
  /** The projection is checked this often. */
  readonly projectionEveryMs: number
  /** The log is trimmed this often. */
  readonly trimEveryMs: number
  /** Load balancers compare the queues of tenants with those that they listen to this often. */
  readonly queuesEveryMs: number
}

/** A loop that runs more often than this only costs processor time, milliseconds. */
const EVERY_MIN_MS = 50

/**
 * A task that was handed over without a pointer gets one a moment later; a follower that is quicker finds
 * every such task without one and asks all nodes about it, milliseconds.
 */
const FOLLOW_MIN_MS = 1_000

/** The durations at this scale; 1 is production. */
export function timingOf(scale: number = 1): Timing {
  const scaled = (ms: number, minMs = EVERY_MIN_MS): number =>
    Math.max(minMs, Math.round(ms * scale))
  return {
    scale,
    leaseMs: scaled(30_000),
    renewEveryMs: scaled(10_000),
    deathLeaseMs: scaled(10_000),
    deathRenewEveryMs: scaled(3_000),
    outcomeWithinMs: scaled(120_000),
    followAfterMs: scaled(2_000, FOLLOW_MIN_MS),
    retriesEveryMs: scaled(200),
    deadlinesEveryMs: scaled(1_000),
    pointersEveryMs: scaled(2_000, FOLLOW_MIN_MS / 2),
    listPointersEveryMs: scaled(15_000, 3 * FOLLOW_MIN_MS),
    childrenEveryMs: scaled(2_000),
    waitsEveryMs: scaled(5_000),
    projectionEveryMs: scaled(500),
    trimEveryMs: scaled(10_000),
    queuesEveryMs: scaled(2_000, FOLLOW_MIN_MS / 2),
  }
}

/** The durations of production. */
export const TIMING: Timing = timingOf()
