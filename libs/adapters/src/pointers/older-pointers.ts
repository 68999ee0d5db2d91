import { STREAMS } from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import { streamFill } from '../log/stream-reads.ts'

/**
 * Says which pointers were stored before this process connected to NATS. A nats-server that was killed
 * forgets its latest deliveries: it delivers such a pointer again as if for the first time, perhaps to a
 * load balancer that has never seen it.
 *
 * States: unknown (every pointer counts as older) → known, and unknown again after each reconnection.
 */
export interface OlderPointers {
  /** Reads the last sequence of TASKS, now and after each reconnection; no clock takes part. */
  start(): void
  has(streamSeq: number): boolean
  close(): void
}

/** NATS or the stream may be away for a while, milliseconds. */
const RETRY_AFTER_MS = 1_000

/** Knows nothing before `start`. */
export function createOlderPointers(bus: Bus): OlderPointers {
  let lastSeq = Infinity
  let connection = 0
  let retry: NodeJS.Timeout | undefined
  let closed = false

  const read = async (mine: number): Promise<void> => {
    try {
      const fill = await streamFill(bus, STREAMS.tasks)
      if (mine === connection) lastSeq = fill.lastSeq
    } catch {
      // The starts are fenced until the next read succeeds, so no failure is of interest.
      if (closed || mine !== connection || bus.nats.isClosed()) return
      retry = setTimeout(() => void read(mine), RETRY_AFTER_MS)
    }
  }
  const connected = (): void => {
    clearTimeout(retry)
    lastSeq = Infinity
    connection += 1
    void read(connection)
  }

  let unlisten: (() => void) | undefined
  return {
    start() {
      unlisten = bus.onReconnect(connected)
      connected()
    },
    has: (streamSeq) => streamSeq <= lastSeq,
    close() {
      closed = true
      clearTimeout(retry)
      unlisten?.()
    },
  }
}
