/**
 * Milliseconds for one event in the log; shorter than the worker's deadline for a report, so that the worker hears
 * of an unknown outcome.
 */
export const APPEND_WITHIN_MS = 4_000

/** Tasks that one repair reads or ends at once: enough to hide the round trips to the log. */
export const REPAIRS_AT_ONCE = 200
