import type { TaskEvent } from '@agentfleet/domain'
import { parseEvent, STREAMS, taskIdOf } from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import type { Logger } from '@agentfleet/runtime'
import { tailStream, type StreamTail } from './stream-tail.ts'

/** One event for the follower. */
export interface TailedEvent {
  readonly taskId: string
  readonly event: TaskEvent
  readonly seq: number
  /** When it was stored, by the log's clock. */
  readonly storedAtMs: number
  /** What it takes in the log, roughly. */
  readonly bytes: number
}

/** Subject, headers and frame of a stored event, bytes. */
const FRAME_BYTES = 250

/** Starts to read LOG behind `afterSeq`: every event once, in order. */
export function tailLog(
  bus: Bus,
  options: {
    readonly afterSeq: number
    readonly receive: (event: TailedEvent) => void
    readonly log: Logger
    /** Whether the reader can take more events; it calls `poke` when that changes. */
    readonly hasRoom?: () => boolean
  },
): StreamTail {
  const { afterSeq, log, hasRoom } = options
  return tailStream(bus, {
    stream: STREAMS.log,
    from: { afterSeq },
    receive(message) {
      // Only a writer with rights on the log can have stored an unreadable event. The tail reads it again, in case
      // it was torn on the way, and then skips it: it changes nothing.
      const event = parseEvent(message.text)
      const { subject, seq, storedAtMs } = message
      const bytes = message.bytes + FRAME_BYTES
      options.receive({ taskId: taskIdOf(subject), event, seq, storedAtMs, bytes })
    },
    log,
    ...(hasRoom === undefined ? {} : { hasRoom }),
  })
}
