import { setTimeout as pause } from 'node:timers/promises'
import type { StreamTail } from '@agentfleet/adapters'
import type { Logger } from '@agentfleet/runtime'

/** Milliseconds between attempts; a restarting server answers again within seconds. */
const RETRY_AFTER_MS = 500
/** Milliseconds; a tail looks every two seconds whether it has read everything. */
const STUCK_MS = 20_000

/** What reads a stream from its first message on. */
type Tail = Pick<StreamTail, 'stuckForMs' | 'caughtUp' | 'close'>

/** Tries to read the tail until it has read everything that was stored before the start; `what` names its messages. */
export function readTail(tail: Tail, what: string, log: Logger) {
  let current = false
  let closed = false
  const read = async (): Promise<void> => {
    while (!current && !closed) {
      try {
        await tail.caughtUp()
        current = true
      } catch (error) {
        log.warn({ err: error }, `The gateway could not read the ${what}; it tries again`)
        await pause(RETRY_AFTER_MS, undefined, { ref: false })
      }
    }
  }
  let caughtUp = read()
  return {
    /** Says that the stream was replaced: what was read no longer counts, and the tail reads from its first message on. */
    again(): void {
      // A reading that is under way fails, and begins again.
      if (!current) return
      current = false
      caughtUp = read()
    },
    /** Whether everything that was stored before the start, or before the last call of `again`, has been read. */
    current: () => current,
    /** Whether messages are missing: those from before the start, or those of a tail that is stuck. */
    outdated: () => !current || tail.stuckForMs() > STUCK_MS,
    caughtUp: () => caughtUp,
    async close(): Promise<void> {
      closed = true
      await tail.close()
    },
  }
}
