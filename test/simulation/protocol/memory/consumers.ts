import { matches, removeFrom, type MemoryStream, type Stored } from './streams.ts'

/**
 * Pull consumers of JetStream in memory, with leases.
 *
 * `conformance.ts` compares them with nats-server. Invariant: at most one reader holds a message at a time,
 * until its lease ends or it is given back.
 */

/** The settings of a consumer that matter here, under the names of the API. */
export interface ConsumerConfig {
  readonly name?: string
  readonly durable_name?: string
  readonly filter_subject?: string
  readonly filter_subjects?: readonly string[]
  readonly ack_policy?: string
  /** Nanoseconds. */
  readonly ack_wait?: number
  readonly opt_start_seq?: number
  readonly mem_storage?: boolean
}

/** A request of a reader for messages. */
interface PullRequest {
  readonly reply: string
  left: number
  readonly expiresAtMs: number
}

/** One consumer. */
export interface MemoryConsumer {
  readonly name: string
  readonly stream: MemoryStream
  readonly config: ConsumerConfig
  readonly filters: readonly (readonly string[])[]
  readonly acks: boolean
  readonly ackWaitMs: number
  readonly pending: Map<number, { deliveries: number; deadlineAtMs: number }>
  /** Given back, or with an ended lease: they are delivered first. */
  redeliver: number[]
  nextSeq: number
  delivered: number
  requests: PullRequest[]
  /** The earliest time at which it checks its leases. */
  checkAtMs: number
}

const NS_PER_MS = 1_000_000
/** As nats-server's, milliseconds. */
const ACK_WAIT_DEFAULT_MS = 30_000

/** A new consumer of this stream. */
export function createConsumer(
  stream: MemoryStream,
  name: string,
  config: ConsumerConfig,
): MemoryConsumer {
  const subjects = config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [])
  const consumer: MemoryConsumer = {
    name,
    stream,
    config,
    filters: subjects.map((subject) => subject.split('.')),
    acks: config.ack_policy === 'explicit',
    ackWaitMs: (config.ack_wait ?? ACK_WAIT_DEFAULT_MS * NS_PER_MS) / NS_PER_MS,
    pending: new Map(),
    redeliver: [],
    nextSeq: config.opt_start_seq ?? 1,
    delivered: 0,
    requests: [],
    checkAtMs: Infinity,
  }
  stream.removed.add((seq) => void consumer.pending.delete(seq))
  return consumer
}

/** Messages that wait at a consumer and have not been delivered. */
export function waitingAt(consumer: MemoryConsumer): number {
  const { stream, nextSeq } = consumer
  if (stream.messages.size === 0) return 0
  let waiting = 0
  for (let seq = Math.max(nextSeq, stream.firstSeq); seq <= stream.lastSeq; seq += 1) {
    const message = stream.messages.get(seq)
    if (message !== undefined && passes(consumer, message.subject)) waiting += 1
  }
  return waiting
}

/** A message that a reader gets, with how often it was delivered. */
export interface Taken {
  readonly message: Stored
  readonly deliveries: number
}

/** The next message of a consumer, which a reader holds from now on; undefined when there is none. */
export function takeNext(consumer: MemoryConsumer, nowMs: number): Taken | undefined {
  const { stream, pending, acks, ackWaitMs } = consumer
  const deadlineAtMs = nowMs + ackWaitMs
  for (let seq = consumer.redeliver.shift(); seq !== undefined; seq = consumer.redeliver.shift()) {
    const message = stream.messages.get(seq)
    const entry = pending.get(seq)
    if (message === undefined || entry === undefined) continue
    entry.deliveries += 1
    entry.deadlineAtMs = deadlineAtMs
    consumer.delivered += 1
    return { message, deliveries: entry.deliveries }
  }
  consumer.nextSeq = Math.max(consumer.nextSeq, stream.firstSeq)
  for (; consumer.nextSeq <= stream.lastSeq;) {
    const seq = consumer.nextSeq++
    const message = stream.messages.get(seq)
    if (message === undefined || !passes(consumer, message.subject) || pending.has(seq)) continue
    if (acks) pending.set(seq, { deliveries: 1, deadlineAtMs })
    consumer.delivered += 1
    return { message, deliveries: 1 }
  }
  return undefined
}

/** Confirms, gives back or renews a held message. */
export function settleAck(
  consumer: MemoryConsumer,
  seq: number,
  word: string,
  nowMs: number,
): void {
  const entry = consumer.pending.get(seq)
  if (word === '+WPI') {
    if (entry !== undefined) entry.deadlineAtMs = nowMs + consumer.ackWaitMs
  } else if (word === '-NAK') {
    if (entry !== undefined && !consumer.redeliver.includes(seq)) consumer.redeliver.push(seq)
  } else {
    consumer.pending.delete(seq)
    if (consumer.stream.config.retention === 'workqueue') removeFrom(consumer.stream, seq)
  }
}

/** Messages with an ended lease are delivered again; returns the next time to check. */
export function expireLeases(consumer: MemoryConsumer, nowMs: number): number {
  let nextMs = Infinity
  for (const [seq, entry] of consumer.pending) {
    if (entry.deadlineAtMs <= nowMs) {
      if (!consumer.redeliver.includes(seq)) consumer.redeliver.push(seq)
    } else nextMs = Math.min(nextMs, entry.deadlineAtMs)
  }
  return nextMs
}

function passes({ filters }: MemoryConsumer, subject: string): boolean {
  if (filters.length === 0) return true
  const tokens = subject.split('.')
  return filters.some((filter) => matches(filter, tokens))
}
