import type { TaskEvent } from '@agentfleet/domain'
import { parseEvent, STREAMS, taskIdOf } from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import type { Logger } from '@agentfleet/runtime'
import type { PulledMessage } from '../pointers/pull.ts'
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

/** A running tail of LOG. */
export type LogTail = StreamTail

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
): LogTail {
  const { afterSeq, log, hasRoom } = options
  return tailStream(bus, {
    stream: STREAMS.log,
    from: { afterSeq },
    receive(message) {
      const event = readEvent(message, log)
      if (event === undefined) return
      const { subject, streamSeq: seq, storedAtMs } = message
      const bytes = message.bytes + FRAME_BYTES
      options.receive({ taskId: taskIdOf(subject), event, seq, storedAtMs, bytes })
    },
    log,
    ...(hasRoom === undefined ? {} : { hasRoom }),
  })
}

function readEvent(message: PulledMessage, log: Logger): TaskEvent | undefined {
  try {
    return parseEvent(message.text)
  } catch (error) {
    // Only a writer with rights on the log can have stored it; it changes nothing.
    log.error({ err: error, seq: message.streamSeq }, 'An unreadable event was skipped')
    return undefined
  }
}
