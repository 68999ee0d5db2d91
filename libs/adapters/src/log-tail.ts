import type { TaskEvent } from '@agentfleet/domain'
import { parseEvent, STREAMS, taskIdOf } from '@agentfleet/protocol'
import { AckPolicy, DeliverPolicy, nanos, nuid } from 'nats'
import type { Bus } from './bus.ts'
import type { Logger } from './logger.ts'
import { createPuller, type PulledMessage, type Puller } from './pull.ts'
import { streamFill } from './stream-reads.ts'

/**
 * Reads LOG from a sequence on, in order and without gaps, for as long as it is not closed.
 *
 * Its server-side consumer is disposable: when it is gone (server restart, clean-up after a long
 * absence) or falls silent while the log goes on, another one is made behind the last event read.
 * Invariant: `receive` sees strictly ascending sequences, each stored event once.
 */

/** One event on its way to the follower. */
export interface TailedEvent {
  readonly taskId: string
  readonly event: TaskEvent
  readonly seq: number
}

/** A running tail. */
export interface LogTail {
  /** Sequence of the last event handed to `receive`. */
  position(): number
  /** Resolves when everything stored at the time of the call has been handed on. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

const BATCH = 1_000
/** Followers fold; nobody waits for them by the millisecond. */
const GATHER_MS = 50
/** The server forgets an abandoned consumer after this, nanoseconds from milliseconds. */
const INACTIVE_MS = 60_000
const WATCH_INTERVAL_MS = 2_000
const MAKE_WITHIN_MS = 5_000

/** Starts reading behind `afterSeq`. */
export function tailLog(
  bus: Bus,
  options: {
    readonly afterSeq: number
    readonly receive: (event: TailedEvent) => void
    readonly log: Logger
  },
): LogTail {
  const { log } = options
  let position = options.afterSeq
  let puller: Puller | undefined
  let making: Promise<void> | undefined
  let closed = false
  let positionAtLastWatch = -1
  const waiters = new Set<{ seq: number; resolve: () => void }>()

  const advance = (seq: number): void => {
    position = seq
    for (const waiter of waiters) {
      if (position < waiter.seq) continue
      waiters.delete(waiter)
      waiter.resolve()
    }
  }

  const receive = (message: PulledMessage): void => {
    if (closed || message.streamSeq <= position) return
    const event = readEvent(message, log)
    if (event !== undefined) {
      options.receive({ taskId: taskIdOf(message.subject), event, seq: message.streamSeq })
    }
    advance(message.streamSeq)
  }

  const make = async (): Promise<void> => {
    puller?.stop()
    const name = `follow-${nuid.next()}`
    const manager = await bus.nats.jetstreamManager({ timeout: MAKE_WITHIN_MS, checkAPI: false })
    await manager.consumers.add(STREAMS.log, {
      name,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: position + 1,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
    })
    if (closed) return
    const stream = STREAMS.log
    puller = createPuller(bus, {
      stream,
      consumer: name,
      wanted: () => BATCH,
      gatherMs: GATHER_MS,
      receive,
      missing: remake,
    })
  }

  const remake = (): void => {
    if (closed) return
    making ??= make()
      .catch((error: unknown) => log.warn({ err: error }, 'log reader not ready, trying again'))
      .finally(() => {
        making = undefined
      })
  }

  const watch = async (): Promise<void> => {
    if (closed || making !== undefined) return
    const positionBefore = position
    const { lastSeq } = await streamFill(bus, STREAMS.log)
    if (lastSeq < positionBefore) {
      log.error(
        { lastSeq, position: positionBefore },
        'the log lost events: it is behind what was read from it',
      )
    }
    // Silent while the log is ahead: the consumer is gone or stuck.
    if (puller === undefined || (lastSeq > position && position === positionAtLastWatch)) remake()
    positionAtLastWatch = position
  }
  const watcher = setInterval(() => {
    watch().catch((error: unknown) => log.warn({ err: error }, 'log not readable'))
  }, WATCH_INTERVAL_MS)
  remake()

  return {
    position: () => position,
    async caughtUp() {
      const { lastSeq, messages } = await streamFill(bus, STREAMS.log)
      if (position >= lastSeq || messages === 0) return
      await new Promise<void>((resolve) => waiters.add({ seq: lastSeq, resolve }))
    },
    async close() {
      closed = true
      clearInterval(watcher)
      puller?.stop()
      for (const waiter of waiters) waiter.resolve()
      await making
    },
  }
}

function readEvent(message: PulledMessage, log: Logger): TaskEvent | undefined {
  try {
    return parseEvent(message.text)
  } catch (error) {
    // Only a writer with rights on the log could have put it there; it changes nothing.
    log.error({ err: error, seq: message.streamSeq }, 'event not understood, skipped')
    return undefined
  }
}
