import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '@agentfleet/runtime'

/** Milliseconds between attempts; a restarting server answers again within seconds. */
const RETRY_AFTER_MS = 500

/** What reads a stream from its first message on. */
interface Tail {
  caughtUp(): Promise<void>
  close(): Promise<void>
}

/** A tail that tries to read until it has read everything that was stored before the start. */
export interface ReadTail extends Tail {
  /** Whether everything that was stored before the start has been read. */
  current(): boolean
}

/** Reads the tail; `what` names its messages. */
export function readTail(tail: Tail, what: string, log: Logger): ReadTail {
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
  const caughtUp = read()
  return {
    current: () => current,
    caughtUp: () => caughtUp,
    async close() {
      closed = true
      await tail.close()
    },
  }
}
