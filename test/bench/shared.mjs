/** The shared part of both sides of the peer. */
import { Redis } from 'ioredis'

/** The name of the one queue. */
export const QUEUE = 'bench'

/** Without an answer to SIGTERM the process ends by itself after this, milliseconds. */
const CLOSE_WITHIN_MS = 3_000

/** A connection as BullMQ's documentation requires it. */
export function connectionTo(url) {
  return new Redis(url, { maxRetriesPerRequest: null })
}

/** Closes on a signal, or when the parent is gone, and then ends the process. */
export function untilOrphaned(close) {
  const end = () => {
    setTimeout(() => process.exit(0), CLOSE_WITHIN_MS).unref()
    const ended = () => process.exit(0)
    Promise.resolve().then(close).then(ended, ended)
  }
  process.once('SIGTERM', end)
  process.once('disconnect', end)
}
