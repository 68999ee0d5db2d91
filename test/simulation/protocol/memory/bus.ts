import type { Bus, BusMessage, Logger } from '../../../../libs/adapters/src/index.ts'
import { createChannels } from '../../../../libs/adapters/src/bus/channels.ts'
import { createRequester } from '../../../../libs/adapters/src/bus/requests.ts'
import type { Link, MemoryNats } from './server.ts'
import type { Wire } from './wire.ts'
import type { Wire as TextBus } from '../../../../libs/adapters/src/bus/wire.ts'
import { PAYLOAD_MAX_BYTES } from '@agentfleet/protocol'
import type { ConsumerConfig } from './consumers.ts'
import type { StreamConfig } from './streams.ts'
import type { Process } from '../time/virtual-time.ts'

/**
 * The bus of one simulated process. The adapters of the product (appends, pullers, tails, requests)
 * run over it as over a connection to nats-server.
 */

type NatsConnection = Bus['nats']
type Msg = Awaited<ReturnType<NatsConnection['request']>>

/** Lets a message out, or has its process crash before or after it. */
export type Effect = (subject: string, run: () => void) => void

/** Connects a process; every message it sends passes through `effect`. */
export function connectMemoryBus(
  server: MemoryNats,
  process: Process,
  effect: Effect,
  log: Logger,
): Bus {
  const link = server.connect(process)
  const inboxPrefix = `_INBOX_${process.id}`
  const nats = createConnection(server, link, inboxPrefix)
  const post: Bus['post'] = ({ subject, data, reply = '', headers }) => {
    if (data.length > PAYLOAD_MAX_BYTES) return false
    effect(subject, () => link.send({ subject, data, reply, headers }))
    return true
  }
  const text: TextBus = {
    ...createRequester(nats, inboxPrefix, post),
    payloadMax: () => PAYLOAD_MAX_BYTES,
    publish: (subject, data, reply) =>
      post({ subject, data, ...(reply === undefined ? {} : { reply }) }),
    subscribe(subject, handler, options) {
      const close = link.subscribe(subject, options?.queue, (wire) => {
        try {
          handler(receivedOf(wire, post))
        } catch (cause) {
          log.error(
            { err: cause, subject },
            'The handler of a message failed; the process dropped the message',
          )
        }
      })
      return { close }
    },
  }
  return {
    ...text,
    ...createChannels(text, log),
    log,
    nats,
    inboxPrefix,
    closed: new Promise(() => undefined),
    connected: link.connected,
    roundTrip: async () => link.connected(),
    onReconnect: link.onReconnect,
    post,
    close: async () => server.disconnect(process),
  }
}

function receivedOf(wire: Wire, post: Bus['post']): BusMessage {
  return {
    subject: wire.subject,
    reply: wire.reply,
    seq: Number(wire.headers?.get('Nats-Sequence') ?? 0),
    text: () => wire.data,
    get bytes() {
      return Buffer.byteLength(wire.data)
    },
    respond: (text) => wire.reply === '' || post({ subject: wire.reply, data: text }),
  }
}

/** The part of the client's connection that the adapters use. */
function createConnection(server: MemoryNats, link: Link, inboxPrefix: string): NatsConnection {
  let requests = 0
  const request = (subject: string, data: string, options: { timeout: number }): Promise<Msg> =>
    new Promise((resolve, reject) => {
      const reply = `${inboxPrefix}.one.${(requests += 1)}`
      const late = setTimeout(() => {
        close()
        reject(new Error('TIMEOUT'))
      }, options.timeout)
      const close = link.subscribe(reply, undefined, (wire) => {
        clearTimeout(late)
        close()
        if (wire.headers?.code === 503) reject(new Error('503'))
        else resolve(messageOf(wire))
      })
      link.send({ subject, data, reply, headers: undefined })
    })
  const connection = {
    request,
    isClosed: () => !link.process.alive,
    subscribe(
      subject: string,
      options: { readonly callback: (error: null, message: Msg) => void },
    ) {
      const close = link.subscribe(subject, undefined, (wire) =>
        options.callback(null, messageOf(wire)),
      )
      return { unsubscribe: close }
    },
    async jetstreamManager() {
      const update = (config: StreamConfig): Promise<void> => {
        server.api.ensureStream(config)
        return Promise.resolve()
      }
      return {
        streams: { add: update, update: (_name: string, config: object) => update(config) },
        consumers: {
          delete: () => Promise.resolve(false),
          add: async (stream: string, config: ConsumerConfig) => {
            const answer = await request(
              `$JS.API.CONSUMER.CREATE.${stream}.${config.name ?? config.durable_name ?? ''}`,
              JSON.stringify({ stream_name: stream, config }),
              { timeout: 5_000 },
            )
            return JSON.parse(answer.string()) as object
          },
        },
      }
    },
  }
  return connection as unknown as NatsConnection
}

/** Only the fields of a message that the adapters read. */
function messageOf({ subject, reply, data, headers }: Wire): Msg {
  const message = { subject, reply, headers, data: { length: data.length }, string: () => data }
  return message as unknown as Msg
}
