import { SPEC_LIMITS } from '@agentfleet/domain'
import { z } from 'zod'

/**
 * The kinds of numbers in messages. Each has a least and a greatest value, so that no sender can make the sum of
 * many values inexact or infinite, or name a time that no calendar has.
 */

/** Above this, the sum of ten thousand nodes would no longer be exact. */
const COUNT_MAX = 100_000_000_000
/** How many; sums of counts are exact. */
export const count = z.number().int().min(0).max(COUNT_MAX)

/** A sequence, a size in bytes or a sum of counts: exact, but not made to be added up. */
export const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Tokens of a task; a task cannot use more, whatever its budget. */
export const tokens = z.number().int().min(0).max(SPEC_LIMITS.budgetTokensMax)

/** US dollars of a task. */
export const usd = z.number().min(0).max(SPEC_LIMITS.budgetUsdMax)

/** An epoch time that a calendar can show, milliseconds. */
export const instantMs = z.number().min(0).max(SPEC_LIMITS.instantMsMax)

/** An epoch time that a calendar can show, also before 1970: a client may ask for any, milliseconds. */
export const anyInstantMs = z.number().min(-SPEC_LIMITS.instantMsMax).max(SPEC_LIMITS.instantMsMax)

/** Less than half of all times: a duration that is added to the present gives a time, milliseconds. */
const DURATION_MAX_MS = 4_000_000_000_000_000
/** A duration, milliseconds. */
export const durationMs = z.number().min(0).max(DURATION_MAX_MS)

/** More than any share of a limit that a process can exceed. */
const SHARE_MAX = 1_000
/** A share of a limit; it may exceed 1. */
export const share = z.number().min(0).max(SHARE_MAX)
