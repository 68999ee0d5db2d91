import { waitingAt, type ConsumerConfig, type MemoryConsumer } from './consumers.ts'
import { createReaders, type ReaderDeps, type Readers } from './readers.ts'
import {
  appendTo,
  createStream,
  matches,
  removeFrom,
  type MemoryStream,
  type Stored,
  type StreamConfig,
} from './streams.ts'
import { EPOCH_MS } from '../time/virtual-time.ts'
import { headersOf } from './headers.ts'
import { answerTo, statusTo, type Wire } from './wire.ts'

/** The part of JetStream's API that the adapters use, over streams in memory. */
export interface MemoryApi {
  readonly streams: ReadonlyMap<string, MemoryStream>
  /** Appends that were refused, and messages that were delivered more than once. */
  counts(): { readonly refused: number; readonly redelivered: number }
  /** Makes a stream, unless there is one of this name. */
  ensureStream(config: StreamConfig): void
  /** Whether this subject is one of a stream or of JetStream itself. */
  isFor(subject: string): boolean
  /** Handles a message for JetStream. */
  receive(wire: Wire): void
  /** The server was killed. */
  crashed(): void
}

type Handler = (stream: MemoryStream, wire: Wire, nowMs: number) => Wire | undefined

const NO_STREAM = { code: 404, err_code: 10059, description: 'stream not found' }
const NO_CONSUMER = { code: 404, err_code: 10014, description: 'consumer not found' }

/** An API without streams. */
export function createMemoryApi(deps: ReaderDeps): MemoryApi {
  const { time, say, listens } = deps
  const streams = new Map<string, MemoryStream>()
  const patterns: { readonly tokens: readonly string[]; readonly stream: MemoryStream }[] = []
  const readers = createReaders(deps)
  let refused = 0

  const streamOf = (subject: string): MemoryStream | undefined => {
    const tokens = subject.split('.')
    return patterns.find((each) => matches(each.tokens, tokens))?.stream
  }

  const reply = (wire: Wire | undefined): void => {
    if (wire !== undefined && wire.subject !== '') say(wire)
  }

  const append = (stream: MemoryStream, wire: Wire): void => {
    const expected = wire.headers?.get('Nats-Expected-Last-Subject-Sequence') ?? ''
    const head = {
      messageId: wire.headers?.get('Nats-Msg-Id') ?? '',
      expected: expected === '' ? undefined : Number(expected),
    }
    const outcome = appendTo(stream, wire, head, time.nowMs())
    if (outcome.kind === 'refused') {
      refused += 1
      return reply(answerTo(wire.reply, { error: outcome.error }))
    }
    const { message, duplicate } = outcome
    reply(answerTo(wire.reply, { seq: message.seq, ...(duplicate ? { duplicate } : {}) }))
    if (duplicate) return
    republish(stream, message)
    readers.stored(stream)
  }

  const republish = ({ config }: MemoryStream, message: Stored): void => {
    const last = message.subject.split('.')[1] ?? ''
    const subject = config.republish?.dest.replace('{{wildcard(1)}}', last)
    if (subject === undefined || !listens(subject)) return
    say({ subject, data: message.data, reply: '', headers: headersOf(message) })
  }

  /** `$JS.API.<area>.<verb>.<stream>…` */
  const command = (wire: Wire): void => {
    const [, , area = '', verb = '', third = '', fourth = '', fifth = ''] = wire.subject.split('.')
    const on = (name: string, handle: Handler | undefined): void => {
      const stream = streams.get(name)
      if (handle === undefined) reply(statusTo(wire.reply, 503, 'No Responders'))
      else if (stream === undefined) reply(answerTo(wire.reply, { error: NO_STREAM }))
      else reply(handle(stream, wire, time.nowMs()))
    }
    if (verb === 'MSG' && third === 'NEXT') {
      return on(fourth, (stream) => {
        const consumer = readers.find(stream, fifth)
        if (consumer === undefined) return statusTo(wire.reply, 503, 'No Responders')
        readers.pull(consumer, wire)
        return undefined
      })
    }
    if (area === 'CONSUMER') return on(third, consumerHandler(readers, verb, fourth))
    if (verb === 'MSG' && third === 'DELETE') return on(fourth, deleteMessage)
    return on(third, STREAM_HANDLERS[`${area}.${verb}`])
  }

  return {
    streams,
    counts: () => ({ refused, redelivered: readers.redelivered() }),
    ensureStream(config) {
      const { name = '', subjects = [] } = config
      if (streams.has(name)) return
      const stream = createStream(config)
      streams.set(name, stream)
      for (const subject of subjects) patterns.push({ tokens: subject.split('.'), stream })
    },
    isFor: (subject) => subject.startsWith('$JS.') || streamOf(subject) !== undefined,
    receive(wire) {
      if (!wire.subject.startsWith('$JS.')) {
        const stream = streamOf(wire.subject)
        if (stream !== undefined) append(stream, wire)
        return
      }
      if (!wire.subject.startsWith('$JS.ACK.')) return command(wire)
      const [, , name = '', consumerName = '', , seq = ''] = wire.subject.split('.')
      const acked = streams.get(name)
      const consumer = acked === undefined ? undefined : readers.find(acked, consumerName)
      if (consumer !== undefined) readers.settle(consumer, Number(seq), wire.data)
    },
    crashed: () => readers.crashed(),
  }
}

const STREAM_HANDLERS: Readonly<Record<string, Handler>> = {
  'DIRECT.GET': (stream, { data, reply }) => {
    const query = JSON.parse(data) as { last_by_subj?: string; seq?: number; next_by_subj?: string }
    const seqs = stream.bySubject.get(query.last_by_subj ?? query.next_by_subj ?? '') ?? []
    const from = query.seq ?? 0
    const seq = query.last_by_subj === undefined ? seqs.find((at) => at >= from) : seqs.at(-1)
    const message = seq === undefined ? undefined : stream.messages.get(seq)
    if (message === undefined) return statusTo(reply, 404, 'Message Not Found')
    return { subject: reply, data: message.data, reply: '', headers: headersOf(message) }
  },
  'STREAM.INFO': (stream, { data, reply }, nowMs) => {
    const query = queryOf<{ subjects_filter?: string; offset?: number }>(data)
    const { messages, firstSeq, lastSeq, bySubject, config } = stream
    const filter = query.subjects_filter?.split('.')
    const found = filter && [...bySubject].filter(([name]) => matches(filter, name.split('.')))
    const page = found?.slice(query.offset ?? 0).map(([name, seqs]) => [name, seqs.length] as const)
    const ts = new Date(EPOCH_MS + nowMs).toISOString()
    const state = { bytes: 0, messages: messages.size, first_seq: firstSeq, last_seq: lastSeq }
    if (found === undefined || page === undefined) return answerTo(reply, { config, state, ts })
    const subjects = Object.fromEntries(page)
    return answerTo(reply, { config, state: { ...state, subjects }, total: found.length })
  },
  'STREAM.PURGE': (stream, { data, reply }) => {
    const { seq = stream.lastSeq + 1 } = queryOf<{ seq?: number }>(data)
    let purged = 0
    for (const each of stream.messages.keys()) {
      if (each < seq && removeFrom(stream, each)) purged += 1
    }
    return answerTo(reply, { success: true, purged })
  },
}

const deleteMessage: Handler = (stream, { data, reply }) => {
  const { seq } = JSON.parse(data) as { seq: number }
  return answerTo(reply, { success: removeFrom(stream, seq) })
}

function consumerHandler(readers: Readers, verb: string, name: string): Handler | undefined {
  if (verb === 'CREATE') {
    return (stream, { data, reply }) => {
      const { config } = JSON.parse(data) as { config: ConsumerConfig }
      return answerTo(reply, stateOf(readers.make(stream, name, config)))
    }
  }
  if (verb === 'LIST') {
    return (stream, { data, reply }) => {
      const { offset = 0 } = queryOf<{ offset?: number }>(data)
      const all = readers.all(stream)
      return answerTo(reply, { total: all.length, consumers: all.slice(offset).map(stateOf) })
    }
  }
  if (verb !== 'INFO' && verb !== 'DELETE') return undefined
  return (stream, { reply }) => {
    const consumer = readers.find(stream, name)
    if (consumer === undefined) return answerTo(reply, { error: NO_CONSUMER })
    if (verb === 'INFO') return answerTo(reply, stateOf(consumer))
    readers.remove(consumer)
    return answerTo(reply, { success: true })
  }
}

function queryOf<T extends object>(data: string): Partial<T> {
  return data === '' ? {} : (JSON.parse(data) as T)
}

function stateOf(consumer: MemoryConsumer): object {
  return {
    name: consumer.name,
    created: new Date(0).toISOString(),
    num_pending: waitingAt(consumer),
    num_ack_pending: consumer.pending.size,
    num_waiting: consumer.requests.length,
  }
}
