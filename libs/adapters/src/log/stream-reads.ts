import { setTimeout as pause } from 'node:timers/promises'
import { given } from '@agentfleet/domain'
import { ServiceError } from '@agentfleet/protocol'
import type { Msg } from 'nats'
import { within, type Bus } from '../bus/bus.ts'

/** Reads of single messages and of stream figures. They throw ServiceError `bus-unavailable`. */

/** One stored message. */
export interface StoredMessage {
  readonly subject: string
  readonly seq: number
  readonly messageId: string
  readonly text: string
  /** When it was stored, by the server's clock. */
  readonly storedAtMs: number
}

/** How full a stream is. */
export interface StreamFill {
  readonly bytes: number
  readonly maxBytes: number
  readonly messages: number
  readonly firstSeq: number
  readonly lastSeq: number
  /** When it answered, by the server's clock. */
  readonly atMs: number
  /** When the stream was made: another stream with its name has another time. */
  readonly created?: string
}

const READ_WITHIN_MS = 2_000
/** A restarting server answers again within seconds; reads wait that long, not longer. */
const READ_TRIES = 5
const NOT_FOUND = 404

/** Selects the message to read. */
type ReadRequest =
  | { readonly last_by_subj: string }
  | { readonly seq: number; readonly next_by_subj?: string }

/** Direct get (any replica answers); undefined when there is no such message. */
export async function readMessage(
  bus: Bus,
  stream: string,
  query: ReadRequest,
): Promise<StoredMessage | undefined> {
  const answer = await ask(bus, `$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query))
  const head = answer.headers
  if (head === undefined || head.code === NOT_FOUND) return undefined
  if (head.code !== 0) {
    throw new ServiceError('bus-unavailable', `${stream}: ${head.code} ${head.description}`)
  }
  return {
    subject: head.get('Nats-Subject'),
    seq: Number(head.get('Nats-Sequence')),
    messageId: head.get('Nats-Msg-Id'),
    text: answer.string(),
    storedAtMs: Date.parse(head.get('Nats-Time-Stamp')),
  }
}

interface StreamInfoAnswer {
  readonly config: {
    readonly max_bytes: number
    readonly metadata?: Readonly<Record<string, string>>
  }
  readonly state: {
    readonly bytes: number
    readonly messages: number
    readonly first_seq: number
    readonly last_seq: number
    readonly subjects?: Readonly<Record<string, number>>
  }
  readonly total?: number
  readonly created?: string
  /** The server's time, since nats-server 2.10. */
  readonly ts?: string
}

/** Size figures of a stream. */
export async function streamFill(bus: Bus, stream: string): Promise<StreamFill> {
  const { config, state, ts, created } = await streamInfo(bus, stream, {})
  return {
    ...given({ created }),
    bytes: state.bytes,
    maxBytes: config.max_bytes,
    messages: state.messages,
    firstSeq: state.first_seq,
    lastSeq: state.last_seq,
    atMs: Date.parse(ts ?? ''),
  }
}

/** The note in a stream's own configuration; undefined when there is no such stream. */
export async function streamMetadata(
  bus: Bus,
  stream: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const info = await askApi<StreamInfoAnswer>(bus, 'STREAM.INFO', stream)
  return info === undefined ? undefined : (info.config.metadata ?? {})
}

/** The number of messages in a stream; undefined when there is no such stream. */
export async function streamMessages(bus: Bus, stream: string): Promise<number | undefined> {
  return (await askApi<StreamInfoAnswer>(bus, 'STREAM.INFO', stream))?.state.messages
}

/** Every subject of a stream under a filter, page by page (the server sends up to 100,000 a page). */
export async function streamSubjects(
  bus: Bus,
  stream: string,
  filter: string,
): Promise<Set<string>> {
  const subjects = new Set<string>()
  for (let offset = 0; ;) {
    const answer = await streamInfo(bus, stream, { subjects_filter: filter, offset })
    const page = Object.keys(answer.state.subjects ?? {})
    for (const subject of page) subjects.add(subject)
    offset += page.length
    if (page.length === 0 || offset >= (answer.total ?? 0)) return subjects
  }
}

/** A durable consumer: how many messages wait, how many are unacked, how many readers listen. */
export type ConsumerState = ReturnType<typeof consumerState>

interface WireConsumer {
  readonly name: string
  readonly num_pending?: number
  readonly num_ack_pending?: number
  readonly num_waiting?: number
  readonly delivered?: { readonly stream_seq: number }
}

interface ConsumerListAnswer {
  readonly total?: number
  readonly consumers?: readonly WireConsumer[] | null
}

/** Every consumer of a stream, page by page (the server sends up to 256 a page). */
export async function streamConsumers(bus: Bus, stream: string): Promise<ConsumerState[]> {
  const consumers: ConsumerState[] = []
  for (;;) {
    const query = { offset: consumers.length }
    const list = await askApi<ConsumerListAnswer>(bus, 'CONSUMER.LIST', stream, query)
    if (list === undefined) throw notFound(stream)
    const page = list.consumers ?? []
    consumers.push(...page.map(consumerState))
    if (page.length === 0 || consumers.length >= (list.total ?? 0)) return consumers
  }
}

/** The current state of one consumer; undefined when none has this name. */
export async function readConsumer(
  bus: Bus,
  stream: string,
  consumer: string,
): Promise<ConsumerState | undefined> {
  const info = await askApi<WireConsumer>(bus, 'CONSUMER.INFO', `${stream}.${consumer}`)
  return info && consumerState(info)
}

function consumerState(info: WireConsumer) {
  return {
    name: info.name,
    waiting: info.num_pending ?? 0,
    out: info.num_ack_pending ?? 0,
    /** Requests of readers that wait at the server. */
    listeners: info.num_waiting ?? 0,
    /** The sequence in the stream of the last message that it delivered. */
    deliveredSeq: info.delivered?.stream_seq ?? 0,
  }
}

async function streamInfo(bus: Bus, stream: string, query: object): Promise<StreamInfoAnswer> {
  const info = await askApi<StreamInfoAnswer>(bus, 'STREAM.INFO', stream, query)
  if (info === undefined) throw notFound(stream)
  return info
}

/** Asks the API of JetStream about a stream or consumer; undefined when the server does not have it. */
async function askApi<A>(
  bus: Bus,
  api: 'STREAM.INFO' | 'CONSUMER.INFO' | 'CONSUMER.LIST',
  name: string,
  query?: object,
): Promise<A | undefined> {
  const data = query === undefined ? '' : JSON.stringify(query)
  const text = (await ask(bus, `$JS.API.${api}.${name}`, data)).string()
  const { error, ...found } = JSON.parse(text) as {
    readonly error?: { readonly code: number; readonly description: string }
  }
  if (error === undefined) return found as A
  if (error.code === NOT_FOUND) return undefined
  throw new ServiceError('bus-unavailable', `${name}: ${error.description}`)
}

function notFound(stream: string): ServiceError {
  return new ServiceError('bus-unavailable', `${stream}: stream not found`)
}

async function ask(bus: Bus, subject: string, data: string): Promise<Msg> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await within(
        bus.nats.request(subject, data, { timeout: READ_WITHIN_MS }),
        READ_WITHIN_MS + 100,
      )
    } catch (cause) {
      if (tries >= READ_TRIES || bus.nats.isClosed()) {
        throw new ServiceError('bus-unavailable', `NATS did not answer a request to ${subject}`, {
          retryable: true,
          cause,
        })
      }
      await pause(100 * tries)
    }
  }
}
