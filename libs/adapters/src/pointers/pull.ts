import type { Msg, MsgHdrs } from 'nats'
import type { Bus } from '../bus/bus.ts'
import { createReplyKeys } from '../bus/reply-keys.ts'

/**
 * A pull consumer that asks only for what its owner can take now.
 *
 * States: idle (nothing wanted), asking (one pull request is out), pausing (gathering, or after a fault),
 * stopped. Invariants: at most one request is out; it delivers at most as many messages as the owner asked
 * for, except when an abandoned request still delivers some; a lost request or answer only delays (the puller
 * abandons it after its time and sends another).
 */

/** A message with its JetStream metadata. */
export interface PulledMessage {
  readonly subject: string
  readonly text: string
  /** Size of the text in bytes. */
  readonly bytes: number
  readonly ackSubject: string
  /** Its sequence in the stream. */
  readonly seq: number
  /** Counts the deliveries of this consumer, from 1. */
  readonly consumerSeq: number
  /** How often it was delivered, 1 for the first time. */
  readonly deliveries: number
  /** Messages of this consumer still waiting behind it. */
  readonly waiting: number
  /** When it was stored, by the server's clock. */
  readonly storedAtMs: number
}

/** The functions that a puller needs from its owner. */
export interface PullOptions {
  readonly stream: string
  readonly consumer: string
  /** How many messages the owner can take now; 0: none, the owner calls `poke` when that changes. */
  wanted(): number
  /** `raw` has the headers, which are parsed when they are asked for. */
  receive(message: PulledMessage, raw: { readonly headers?: MsgHdrs }): void
  /**
   * Gathers the messages of a busy moment: after the first message it waits this long, then asks for the rest
   * together, milliseconds. For readers that need not be first.
   */
  readonly gatherMs?: number
  /** How many bytes the owner can take now; must hold one message, or `tooLarge` is called. */
  bytesMax?(): number
  /** The next message would exceed `bytesMax()`; the puller asks again at once, unless it is stopped. */
  tooLarge?(): void
  /** The consumer does not exist, or no longer exists. */
  missing?(): void
}

/** A running puller. */
export interface Puller {
  /** Looks again at `wanted()`. */
  poke(): void
  stop(): void
}

/** A request on an empty consumer waits this long at the server, milliseconds. */
const PULL_EXPIRES_MS = 5_000
/** A request without an answer is abandoned this long after its time, milliseconds. */
const PULL_GRACE_MS = 500
/** Wait before the next request when the consumer or the server is missing, milliseconds. */
const RETRY_AFTER_MS = 250
/** One request never asks for more messages, so that several pullers share a burst. */
const BATCH_MAX = 2_000

/** Starts to pull. */
export function createPuller(bus: Bus, options: PullOptions): Puller {
  const prefix = `${bus.inboxPrefix}.pull.${createReplyKeys()()}`
  const api = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`
  let outstanding = 0
  let request = 0
  let received = 0
  let gathering = false
  let stopped = false
  let giveUp: NodeJS.Timeout | undefined
  let retry: NodeJS.Timeout | undefined

  const ask = (): void => {
    if (stopped || outstanding > 0 || retry !== undefined) return
    // A gathering reader asks for one message as a signal, then takes all that have arrived.
    const bell = options.gatherMs !== undefined && !gathering
    const batch = Math.min(bell ? 1 : BATCH_MAX, options.wanted())
    if (batch < 1) return
    outstanding = batch
    received = 0
    request += 1
    const expires = PULL_EXPIRES_MS * 1_000_000
    const wish = {
      batch,
      ...(gathering ? { no_wait: true } : { expires }),
      ...(options.bytesMax === undefined ? {} : { max_bytes: options.bytesMax() }),
    }
    bus.publish(api, JSON.stringify(wish), `${prefix}.${request}`)
    giveUp = setTimeout(done, PULL_EXPIRES_MS + PULL_GRACE_MS)
  }

  const done = (): void => {
    clearTimeout(giveUp)
    const full = outstanding <= 0
    outstanding = 0
    if (options.gatherMs === undefined) {
      ask()
      return
    }
    const behind = gathering && full
    gathering = received > 0
    if (!gathering || behind) ask()
    else pause(options.gatherMs)
  }

  const pause = (ms: number): void => {
    if (retry !== undefined || stopped) return
    retry = setTimeout(() => {
      retry = undefined
      ask()
    }, ms)
  }

  const subscription = bus.nats.subscribe(`${prefix}.*`, {
    callback(error, message) {
      if (error !== null || stopped) return
      const ackSubject = message.reply ?? ''
      if (ackSubject.startsWith('$JS.ACK.')) {
        outstanding -= 1
        received += 1
        options.receive(parsePulled(message, ackSubject), message)
        if (outstanding <= 0) done()
        return
      }
      const code = message.headers?.code ?? 0
      // The status of an abandoned request says nothing about the current one.
      if (message.subject !== `${prefix}.${request}` || code === 100) return
      const description = message.headers?.description ?? ''
      if (code === 404 || code === 408) done()
      else if (code === 409 && /exceeds maxbytes/i.test(description)) {
        options.tooLarge?.()
        done()
      } else {
        if (code === 409 && /consumer deleted/i.test(description)) options.missing?.()
        // 503: no such consumer or no JetStream yet.
        if (code === 503) options.missing?.()
        clearTimeout(giveUp)
        outstanding = 0
        pause(RETRY_AFTER_MS)
      }
    },
  })
  const unlisten = bus.onReconnect(done)
  ask()
  return {
    poke: ask,
    stop() {
      stopped = true
      clearTimeout(giveUp)
      clearTimeout(retry)
      unlisten()
      if (!bus.nats.isClosed()) subscription.unsubscribe()
    },
  }
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<stored ns>.<waiting>` */
function parsePulled(message: Msg, ackSubject: string): PulledMessage {
  const parts = ackSubject.split('.')
  return {
    subject: message.subject,
    text: message.string(),
    bytes: message.data.length,
    ackSubject,
    deliveries: Number(parts[4]),
    seq: Number(parts[5]),
    consumerSeq: Number(parts[6]),
    storedAtMs: Number(parts[7]) / 1_000_000,
    waiting: Number(parts[8]),
  }
}

/** How long a pointer without room stays away, milliseconds. */
const GIVE_BACK_LATER_MS = 1_000

type Ack = (bus: Bus, ackSubject: string | undefined) => void
const sayOf =
  (word: string): Ack =>
  (bus, ackSubject) => {
    if (ackSubject !== undefined) bus.publish(ackSubject, word)
  }

/** Confirms, renews or gives back a pulled message, if there is one; all three are hints (L6). */
export const ack = {
  done: sayOf('+ACK'),
  renew: sayOf('+WPI'),
  giveBack: sayOf('-NAK'),
  /** Gives it back for a second, so that readers who have no room for it do not pass it round. */
  giveBackLater: sayOf(`-NAK {"delay": ${GIVE_BACK_LATER_MS * 1_000_000}}`),
} as const
