import type { Chance } from '../time/random.ts'
import { EPOCH_MS, type Process, type VirtualTime } from '../time/virtual-time.ts'
import {
  createConsumer,
  expireLeases,
  settleAck,
  takeNext,
  waitingAt,
  type ConsumerConfig,
  type MemoryConsumer,
  type Taken,
} from './consumers.ts'
import { headersOf } from './headers.ts'
import type { MemoryStream } from './streams.ts'
import { statusTo, type Wire } from './wire.ts'

/** The consumers of streams, and the waiting requests of readers. */
export interface Readers {
  /** Messages that were delivered more than once. */
  readonly redelivered: () => number
  /** Makes a consumer, or returns the one of this name. */
  make(stream: MemoryStream, name: string, config: ConsumerConfig): MemoryConsumer
  find(stream: MemoryStream, name: string): MemoryConsumer | undefined
  all(stream: MemoryStream): readonly MemoryConsumer[]
  remove(consumer: MemoryConsumer): void
  /** A reader asks for messages. */
  pull(consumer: MemoryConsumer, wire: Wire): void
  /** A reader confirms, renews or gives back. */
  settle(consumer: MemoryConsumer, seq: number, word: string): void
  /** A message was stored. */
  stored(stream: MemoryStream): void
  /** The server was killed: requests are forgotten, and consumers return to an older state. */
  crashed(): void
}

/** The dependencies of the readers. */
export interface ReaderDeps {
  readonly time: VirtualTime
  readonly chance: Chance
  readonly server: Process
  readonly say: (wire: Wire) => void
  readonly listens: (subject: string) => boolean
}

const NS_PER_MS = 1_000_000
/** How likely a crashed server has forgotten that a reader holds a message. */
const FORGOTTEN_SHARE = 0.5

/** Creates an empty set of readers. */
export function createReaders({ time, chance, server, say, listens }: ReaderDeps): Readers {
  const consumers = new Map<MemoryStream, Map<string, MemoryConsumer>>()
  let redelivered = 0

  const of = (stream: MemoryStream): Map<string, MemoryConsumer> => {
    const known = consumers.get(stream)
    if (known !== undefined) return known
    const made = new Map<string, MemoryConsumer>()
    consumers.set(stream, made)
    return made
  }

  const serve = (consumer: MemoryConsumer): void => {
    const now = time.nowMs()
    for (let [request] = consumer.requests; request !== undefined; [request] = consumer.requests) {
      if (request.left < 1 || request.expiresAtMs <= now || !listens(request.reply)) {
        consumer.requests.shift()
        continue
      }
      const next = takeNext(consumer, now)
      if (next === undefined) break
      request.left -= 1
      if (next.deliveries > 1) redelivered += 1
      say(wireOf(consumer, next, request.reply))
    }
    watchLeases(consumer)
  }

  const watchLeases = (consumer: MemoryConsumer): void => {
    const nextMs = expireLeases(consumer, time.nowMs())
    if (nextMs >= consumer.checkAtMs || nextMs === Infinity) return
    consumer.checkAtMs = nextMs
    time.at(nextMs, server, () => {
      if (consumer.checkAtMs !== nextMs) return
      consumer.checkAtMs = Infinity
      expireLeases(consumer, time.nowMs())
      serve(consumer)
    })
  }

  const forget = (consumer: MemoryConsumer): void => {
    consumer.requests = []
    for (const seq of consumer.pending.keys()) {
      // As a single server does: the same message is sent with the same delivery count.
      if (chance() >= FORGOTTEN_SHARE) continue
      consumer.pending.delete(seq)
      consumer.nextSeq = Math.min(consumer.nextSeq, seq)
    }
  }

  return {
    redelivered: () => redelivered,
    find: (stream, name) => of(stream).get(name),
    all: (stream) => [...of(stream).values()],
    make(stream, name, config) {
      const known = of(stream).get(name)
      if (known !== undefined) return known
      const consumer = createConsumer(stream, name, config)
      of(stream).set(name, consumer)
      return consumer
    },
    remove(consumer) {
      of(consumer.stream).delete(consumer.name)
      for (const { reply } of consumer.requests) say(statusTo(reply, 409, 'Consumer Deleted'))
    },
    pull(consumer, { data, reply }) {
      const wish = JSON.parse(data) as { batch: number; expires?: number; no_wait?: boolean }
      const waits = wish.no_wait !== true
      const expiresAtMs = waits ? time.nowMs() + (wish.expires ?? 0) / NS_PER_MS : Infinity
      const request = { reply, left: wish.batch, expiresAtMs }
      const end = (code: number, description: string): void => {
        if (!consumer.requests.includes(request)) return
        consumer.requests = consumer.requests.filter((each) => each !== request)
        say(statusTo(reply, code, description))
      }
      consumer.requests.push(request)
      serve(consumer)
      if (request.left < 1) return
      if (waits) time.at(expiresAtMs, server, () => end(408, 'Request Timeout'))
      else end(404, 'No Messages')
    },
    settle(consumer, seq, word) {
      settleAck(consumer, seq, word, time.nowMs())
      serve(consumer)
    },
    stored(stream) {
      for (const consumer of of(stream).values()) serve(consumer)
    },
    crashed() {
      for (const made of consumers.values()) {
        for (const [name, consumer] of made) {
          forget(consumer)
          if (consumer.config.mem_storage === true) made.delete(name)
        }
      }
    },
  }
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<stored ns>.<waiting>` */
function wireOf(consumer: MemoryConsumer, { message, deliveries }: Taken, to: string): Wire {
  const { name, stream, delivered } = consumer
  const storedNs = (EPOCH_MS + message.atMs) * NS_PER_MS
  const rest = [deliveries, message.seq, delivered, Math.floor(storedNs), waitingAt(consumer)]
  return {
    subject: message.subject,
    to,
    data: message.data,
    reply: `$JS.ACK.${stream.config.name}.${name}.${rest.join('.')}`,
    headers: headersOf(message),
  }
}
