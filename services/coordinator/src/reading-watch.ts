import { every, type Service } from '@agentfleet/runtime'
import type { PartDeps } from './deps.ts'

/** A stream and its reader. */
interface Reading {
  /** The name of the loop that watches it. */
  readonly name: string
  /** Why a process is not ready, and why it ends in the end. */
  readonly reason: string
  /** The line of the log before the process ends. */
  readonly message: string
  /** How long the reader has not got ahead although there is more to read, milliseconds. */
  stuckForMs(): number
}

/** Milliseconds. */
const LOOK_EVERY_MS = 1_000

/**
 * Watches the reading of a stream, so that no process stays half dead.
 *
 * A reader that does not get ahead makes its process unready, and in the end ends it: another process reads the stream
 * from its beginning. An outage of NATS does not count, because the connection returns by itself.
 */
export function createReadingWatch(
  deps: Pick<PartDeps, 'bus' | 'clock' | 'log' | 'timing' | 'giveUp'>,
  reading: Reading,
): Service {
  const { bus, clock, log } = deps
  const { logStuckMs } = deps.timing
  let stuckSinceMs: number | undefined
  const isStuck = (): boolean => reading.stuckForMs() > logStuckMs
  const loop = every(LOOK_EVERY_MS, { clock, log, name: reading.name }, async () => {
    if (!bus.connected() || !isStuck()) {
      stuckSinceMs = undefined
      return
    }
    stuckSinceMs ??= clock.monotonicMs()
    if (clock.monotonicMs() - stuckSinceMs < 2 * logStuckMs) return
    log.error({ stuckForMs: reading.stuckForMs() }, reading.message)
    deps.giveUp(reading.reason)
  })
  return {
    start: loop.start,
    drain: loop.drain,
    ready: () => (isStuck() ? { ok: false, reason: reading.reason } : { ok: true }),
  }
}
