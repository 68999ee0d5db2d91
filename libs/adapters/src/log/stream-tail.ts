import { PAYLOAD_MAX_BYTES, ServiceError } from '@agentfleet/protocol'
import { nuid } from 'nats'
import type { Bus } from '../bus/bus.ts'
import type { Logger } from '@agentfleet/runtime'
import { createPuller, type PulledMessage, type Puller } from '../pointers/pull.ts'
import { makeReader } from './reader.ts'
import { readMessage, streamFill, type StreamFill } from './stream-reads.ts'

/**
 * Reads a stream, or some subjects of it, in order and without gaps, until closed.
 *
 * States: placeless (the first sequence is not known yet) → reading ⇄ remaking. The server-side consumer is
 * disposable. The tail makes another consumer behind the last message read when the consumer is gone (server
 * restart, clean-up after a long absence), when the broken connection lost messages, or when the consumer is
 * silent while the stream grows. Invariants: `receive` gets strictly ascending sequences, each stored message
 * once; a message that `receive` throws at twice is skipped, so that it does not hold up those behind it; when the
 * stream was replaced, a tail with `readBack` starts again, and every other tail is stuck.
 */
export interface StreamTail {
  /** Sequence of the last message handed to `receive`. */
  position(): number
  /** How long the tail has neither read a message nor known that it has read all of them, milliseconds. */
  stuckForMs(): number
  /** Resolves when everything stored at the time of the call has been handed on; rejects if the stream is replaced. */
  caughtUp(): Promise<void>
  /** Looks again at `hasRoom`. */
  poke(): void
  close(): Promise<void>
}

/** Selects the messages to read. */
export interface TailOptions {
  readonly stream: string
  /** Only messages of these subjects; all if none are named. */
  readonly filters?: readonly string[]
  /** Behind this sequence, or so many stored messages before the end. */
  readonly from: { readonly afterSeq: number } | { readonly readBack: number }
  readonly receive: (message: PulledMessage) => void
  readonly log: Logger
  /** Called before the tail starts again, because the stream was replaced: what was read before is no longer stored. */
  readonly replaced?: () => void
  /** Whether the reader can take more; a reader without room is not asked again before `poke`. */
  readonly hasRoom?: () => boolean
}

const BATCH = 1_000
/** Bytes of one batch: twice the largest message, and a quarter of what nats-server holds for a connection. */
const BATCH_BYTES = 2 * PAYLOAD_MAX_BYTES
/** Followers may be a few milliseconds late: no caller waits for them. */
const GATHER_MS = 50
/** The server removes an abandoned consumer after this, milliseconds. */
const INACTIVE_MS = 60_000
const WATCH_INTERVAL_MS = 2_000
const MAKE_WITHIN_MS = 5_000

interface Waiter {
  readonly seq: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Starts to read. */
export function tailStream(bus: Bus, options: TailOptions): StreamTail {
  const { stream, filters = [], from, log, hasRoom = () => true } = options
  let position = 'afterSeq' in from ? from.afterSeq : undefined
  let puller: Puller | undefined
  let making: Promise<void> | undefined
  let watching = false
  let closed = false
  let positionAtLastWatch: number | undefined
  let currentAtMs = performance.now()
  /** When the stream that is read was made; undefined before it is known. */
  let created: string | undefined
  /** When another stream was found in its place, behind which this tail cannot continue. */
  let replacedAtMs: number | undefined
  let failedSeq: number | undefined
  const waiters = new Set<Waiter>()

  const advance = (seq: number): void => {
    position = seq
    currentAtMs = performance.now()
    for (const waiter of waiters) {
      if (position < waiter.seq) continue
      waiters.delete(waiter)
      waiter.resolve()
    }
  }

  /**
   * Whether a message is done with. The client may deliver a torn message after a reconnect, so a message at
   * which `receive` throws is read again once. An error that leaves here would end the reading of the whole
   * connection.
   */
  const take = (message: PulledMessage): boolean => {
    const { seq, subject } = message
    try {
      options.receive(message)
    } catch (error) {
      if (failedSeq !== seq) {
        failedSeq = seq
        log.warn(
          { err: error, stream, seq, subject },
          'The process could not handle a message; it reads the message again',
        )
        return false
      }
      log.error(
        { err: error, stream, seq, subject },
        'The process could not handle a message; it skips the message',
      )
    }
    return true
  }

  /** Receives the messages of one consumer, which numbers them. */
  const receiver = (): ((message: PulledMessage) => void) => {
    let received = 0
    return (message) => {
      if (closed || message.consumerSeq <= received) return
      if (message.consumerSeq !== received + 1) {
        log.warn(
          { stream, position },
          'Messages of a stream were lost in transit; the process reads these messages again',
        )
        remake()
        return
      }
      if (!take(message)) {
        // Nothing more counts from this consumer: the next one begins with this message.
        received = Infinity
        remake()
        return
      }
      received += 1
      advance(message.seq)
    }
  }

  /** Whether this is not the stream that was found before. */
  const isAnother = (fill: StreamFill): boolean => {
    const before = created
    created = fill.created
    return before !== undefined && before !== created
  }

  /** Forgets what the tail has read, because it is stored no longer. */
  const forget = (): void => {
    if (!('readBack' in from)) {
      replacedAtMs ??= performance.now()
      return
    }
    position = undefined
    // They wait for a sequence of the other stream.
    const waiting = [...waiters]
    waiters.clear()
    for (const waiter of waiting) {
      waiter.reject(new ServiceError('bus-unavailable', `${stream}: the stream was replaced`))
    }
    options.replaced?.()
  }

  const make = async (): Promise<void> => {
    puller?.stop()
    const name = `follow-${nuid.next()}`
    const fill = await streamFill(bus, stream)
    if (isAnother(fill)) forget()
    if (replacedAtMs !== undefined) return
    position ??= endOf(fill, 'readBack' in from ? from.readBack : 0)
    await makeReader(bus, stream, {
      name,
      fromSeq: position + 1,
      ...(filters.length === 0 ? {} : { filter_subjects: [...filters] }),
      inactiveMs: INACTIVE_MS,
      withinMs: MAKE_WITHIN_MS,
    })
    if (closed) return
    puller = createPuller(bus, {
      stream,
      consumer: name,
      wanted: () => (hasRoom() ? BATCH : 0),
      bytesMax: () => BATCH_BYTES,
      gatherMs: GATHER_MS,
      receive: receiver(),
      missing: remake,
    })
  }

  const remake = (): void => {
    if (closed) return
    making ??= make()
      .catch((error: unknown) =>
        log.warn({ err: error, stream }, 'A stream cannot be read yet; the process tries again'),
      )
      .finally(() => {
        making = undefined
      })
  }

  const startAgain = (): void => {
    if (closed) return
    // The consumer that is being made begins behind what was read of the other stream.
    if (making !== undefined) {
      void making.then(startAgain)
      return
    }
    forget()
    remake()
  }

  /** Whether the stream holds messages that were not read. */
  const behind = async (): Promise<boolean> => {
    const last = await lastSeqOf(bus, stream, filters)
    return position === undefined || last > position
  }

  const watch = async (): Promise<void> => {
    const before = position
    const fill = await streamFill(bus, stream)
    const { lastSeq } = fill
    const replaced = isAnother(fill)
    if (lastSeq === before) currentAtMs = performance.now()
    if (replaced || (before !== undefined && lastSeq < before)) {
      log.error(
        { stream, lastSeq, position: before, replaced },
        'A stream was replaced, or ends before the last message that the process has read',
      )
      if (replaced || 'readBack' in from) startAgain()
    } else if (puller === undefined || before === undefined) {
      remake()
    } else if (before === positionAtLastWatch && lastSeq > before) {
      // The consumer is silent although the stream has grown: it is gone or stuck, or nothing concerns it.
      if (hasRoom() && (await behind())) remake()
      else currentAtMs = performance.now()
    }
    positionAtLastWatch = position
  }
  const watcher = setInterval(() => {
    if (closed || watching || making !== undefined) return
    watching = true
    watch()
      .catch((error: unknown) =>
        log.warn({ err: error, stream }, 'The process could not read a stream'),
      )
      .finally(() => {
        watching = false
      })
  }, WATCH_INTERVAL_MS)
  remake()

  return {
    position: () => position ?? 0,
    stuckForMs: () => performance.now() - (replacedAtMs ?? currentAtMs),
    async caughtUp() {
      const seq = await lastSeqOf(bus, stream, filters)
      if (closed || seq === 0 || (position !== undefined && position >= seq)) return
      await new Promise<void>((resolve, reject) => waiters.add({ seq, resolve, reject }))
    },
    poke: () => puller?.poke(),
    async close() {
      closed = true
      clearInterval(watcher)
      puller?.stop()
      for (const waiter of waiters) waiter.resolve()
      await making
    },
  }
}

/** The sequence behind which this many messages are stored. */
function endOf({ firstSeq, lastSeq }: StreamFill, readBack: number): number {
  return Math.max(0, firstSeq - 1, lastSeq - readBack)
}

/** Sequence of the last stored message of these subjects; 0 when there is none. */
async function lastSeqOf(bus: Bus, stream: string, filters: readonly string[]): Promise<number> {
  if (filters.length === 0) {
    const { lastSeq, messages } = await streamFill(bus, stream)
    return messages === 0 ? 0 : lastSeq
  }
  const lasts = await Promise.all(
    filters.map((filter) => readMessage(bus, stream, { last_by_subj: filter })),
  )
  return Math.max(0, ...lasts.map((message) => message?.seq ?? 0))
}
