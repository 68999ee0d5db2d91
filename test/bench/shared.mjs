/** What both sides of the peer share. */
import { Redis } from 'ioredis'

/** The name of the one queue. */
export const QUEUE = 'bench'

/** Without an answer to SIGTERM the process ends by itself after this, milliseconds. */
const CLOSE_WITHIN_MS = 3_000

/** A connection as BullMQ's documentation wants it; pipelines are on by `PEER_AUTOPIPELINE=queue,worker`. */
export function connectionTo(url, role) {
  const roles = (process.env.PEER_AUTOPIPELINE ?? '').split(',')
  return new Redis(url, {
    maxRetriesPerRequest: null,
    enableAutoPipelining: roles.includes(role),
  })
}

/** Closes when asked to, or when the parent is gone, and then ends the process. */
export function untilOrphaned(close) {
  const end = () => {
    setTimeout(() => process.exit(0), CLOSE_WITHIN_MS).unref()
    Promise.resolve()
      .then(close)
      .finally(() => process.exit(0))
  }
  process.once('SIGTERM', end)
  process.once('disconnect', end)
}
