import { settleWithin } from '@agentfleet/runtime'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Brings the directory up to date for a secret that it does not know: another gateway may have made or rotated the
 * key a moment ago. It resolves when the directory has every key that was stored at the time of the call, or after
 * two times WITHIN_MS.
 */
export type NewestKeys = () => Promise<void>

/** A question to NATS, and what it waits for, take at most this long, milliseconds. */
const WITHIN_MS = 1_000
/** Questions begin at least this far apart, milliseconds: 100 in a second take a fiftieth of a core. */
const EVERY_MS = 10

/**
 * Creates the question. All callers that arrive while one is under way share the next one, so wrong keys make a
 * gateway ask no more often, however many addresses send them, and a fresh key is found as soon as without them (L7).
 */
export function createNewestKeys(deps: {
  /** Resolves when the directory has everything that was stored at the time of the call. */
  readonly upToDate: () => Promise<void>
  readonly monotonicMs: () => number
  readonly wait?: (ms: number) => Promise<unknown>
}): NewestKeys {
  const { upToDate, monotonicMs, wait = pause } = deps
  let begunMs = -Infinity
  let asking: Promise<void> | undefined
  let next: Promise<void> | undefined

  async function ask(before: Promise<void> | undefined): Promise<void> {
    await before
    const earlyMs = begunMs + EVERY_MS - monotonicMs()
    if (earlyMs > 0) await wait(earlyMs)
    // From here on a caller may ask for a key that this question does not find.
    asking = next
    next = undefined
    begunMs = monotonicMs()
    // Without NATS the key counts as unknown.
    const answered = upToDate().catch(() => undefined)
    await settleWithin(answered, WITHIN_MS)
    asking = undefined
  }

  return () => (next ??= ask(asking))
}
