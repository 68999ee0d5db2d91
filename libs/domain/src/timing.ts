/**
 * The durations of the system that may shrink together. Tests run with a tenth of them, so that the end of a
 * lease or a due repair takes seconds. Heartbeats and failure detection are not among them: at a tenth, a
 * busy machine would declare living nodes dead.
 */
export type Timing = Readonly<ReturnType<typeof timingOf>>

/** A loop that runs more often only costs processor time, milliseconds. */
const EVERY_MIN_MS = 50

/**
 * A task that was handed over without a pointer gets one a moment later; a faster follower would find every
 * such task without a pointer and ask all nodes about it, milliseconds.
 */
const FOLLOW_MIN_MS = 1_000

/** A reader looks every two seconds whether it has read everything, milliseconds. */
const LOG_STUCK_MIN_MS = 5_000

/** The durations at this scale; 1 is production. */
export function timingOf(scale: number = 1) {
  const scaled = (ms: number, minMs = EVERY_MIN_MS): number =>
    Math.max(minMs, Math.round(ms * scale))
  return {
    /** The factor of all these durations: 1 in production. */
    scale,
    /** How long an unrenewed pointer stays with its node before it is handed out again. */
    leaseMs: scaled(30_000),
    /** A running task renews its pointer this often: two renewals may be lost. */
    renewEveryMs: scaled(10_000),
    /** How long a death stays with a silent recovery service before another replica takes it over. */
    deathLeaseMs: scaled(10_000),
    /** A recovery service renews its deaths this often: two renewals may be lost. */
    deathRenewEveryMs: scaled(3_000),
    /**
     * The outcome of an incident is watched for this long; a task that has not started by the end lacks capacity.
     */
    outcomeWithinMs: scaled(120_000),
    /** A process that appends an event also acts on it; the follower waits this long before it repairs. */
    followAfterMs: scaled(2_000, FOLLOW_MIN_MS),
    /** Precision of retries. */
    retriesEveryMs: scaled(200),
    /** Precision of deadlines. */
    deadlinesEveryMs: scaled(1_000),
    /** Unfinished tasks and pointers are counted and compared this often. */
    pointersEveryMs: scaled(2_000, FOLLOW_MIN_MS / 2),
    /** All pointers are listed at least this often: equal counts can hide two opposite faults. */
    listPointersEveryMs: scaled(15_000, 3 * FOLLOW_MIN_MS),
    /** Children of ended parents are looked for this often. */
    childrenEveryMs: scaled(2_000),
    /** Waits whose end was missed are looked for this often. */
    waitsEveryMs: scaled(5_000),
    /** The projection is checked this often. */
    projectionEveryMs: scaled(500),
    /** The log is trimmed this often. */
    trimEveryMs: scaled(10_000),
    /** A coordinator that has not read the log for this long is not ready; after twice as long again it ends. */
    logStuckMs: scaled(20_000, LOG_STUCK_MIN_MS),
    /** Load balancers compare the queues of tenants with those that they listen to this often. */
    queuesEveryMs: scaled(2_000, FOLLOW_MIN_MS / 2),
  }
}

/** The durations of production. */
export const TIMING: Timing = timingOf()
