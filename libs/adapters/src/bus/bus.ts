import { setTimeout as pause } from 'node:timers/promises'
import { given } from '@agentfleet/domain'
import {
  inboxPrefix,
  NODE_USER,
  nodeCredentials,
  ServiceError,
  type ServiceName,
} from '@agentfleet/protocol'
import type { Msg, NatsConnection } from 'nats'
import type { Logger } from '@agentfleet/runtime'
import { readAddress } from '../connection/address.ts'
import { createRedaction } from '../connection/redaction.ts'
import { readTls, type TlsFiles } from '../connection/tls.ts'
import { createChannels, type Channels } from './channels.ts'
import { fitsInto } from './codec.ts'
import { createRequester } from './requests.ts'
import { connectNats } from './transport.ts'
import type { BusMessage, Outgoing, Wire } from './wire.ts'

/**
 * The connection to NATS. States: connected, away (the client reconnects for ever), closed.
 *
 * Messages published while away are lost silently; therefore everything on the bus is either a hint (L6) or
 * repeated by its sender until it is confirmed (`log.ts`, reports).
 */

/** The bus as services see it: its channels. Raw text on subjects is for this package and for tools. */
export interface Bus extends Channels, Wire {
  connected(): boolean
  /**
   * True when the server answers in time: it has then received everything this connection published earlier,
   * and everything it sent this connection earlier has arrived.
   */
  roundTrip(withinMs: number): Promise<boolean>
  /** Called after each re-established connection, until the returned function is called. */
  onReconnect(listener: () => void): () => void
  /** Resolves when the connection is permanently closed. */
  readonly closed: Promise<void>
  close(): Promise<void>
  /** Only the other modules of this package use this. */
  readonly nats: NatsConnection
  /**
   * For this package: sends the message with all others of the same few event-loop turns; false when it is larger
   * than
   * the server accepts.
   */
  post(message: Outgoing): boolean
  readonly inboxPrefix: string
  /** For this package: the log of the process, without the secrets of the connection. */
  readonly log: Logger
}

/** Where and as whom to connect. */
export interface BusOptions {
  readonly url: string
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly name: string
  readonly inboxPrefix: string
  readonly log: Logger
  /** For an address that begins with tls:// */
  readonly tls?: TlsFiles
  /** How long the first connection may take, milliseconds; half a minute unless set. */
  readonly connectWithinMs?: number
}

/**
 * Reconnects quickly, with jitter so that clients do not reconnect all at once, and never gives up: the
 * supervisor decides when to stop.
 */
const RECONNECT_WAIT_MS = 100
const RECONNECT_JITTER_MS = 100
/** Pings are this far apart, milliseconds: a frozen server or a half-open connection is noticed at the third ping. */
const PING_INTERVAL_MS = 2_500
const PING_OUT_MAX = 2
/** Longest wait for the first connection, milliseconds: the servers may be starting at the same time. */
const CONNECT_WITHIN_MS = 30_000
const CLOSE_WITHIN_MS = 2_000
/**
 * Event-loop turns whose messages are sent together. A turn of a busy process takes milliseconds and produces
 * many messages; a turn of an idle process takes microseconds. With 4 instead of 2 the fleet needs about a tenth
 * less processor time for a task under load, but a single task takes 0.05 ms longer.
 */
const TURNS_GATHERED = 4
/**
 * So many messages are sent before their turn ends: the next process can start on them while this one still
 * works. Enough of them to share the cost of a system call.
 */
const GATHERED_MAX = 48
/** The server's default message limit, used until the server announces its own, bytes. */
const PAYLOAD_DEFAULT_BYTES = 1024 * 1024
/** Headers count as payload; those of this package stay below this, bytes. */
const HEADERS_MAX_BYTES = 1_024

const NATS_PORT = 4222

/** Connects to NATS, trying for half a minute; throws ServiceError `bus-unavailable`. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const { log, connectWithinMs = CONNECT_WITHIN_MS } = options
  const address = readAddress(options.url, NATS_PORT)
  const { user = address.user, password = address.password } = options
  const redaction = createRedaction([password, address.password])
  const files = readTls('NATS', address, options.tls)
  // The client passes only host names to TLS, but a certificate may also be for an address.
  const tls = files && { host: address.host, ...files }
  const deadline = performance.now() + connectWithinMs
  let nats: NatsConnection | undefined
  while (nats === undefined) {
    try {
      nats = await connectNats({
        // Without credentials, so that no error of the client can repeat them.
        servers: address.shown,
        name: options.name,
        inboxPrefix: options.inboxPrefix,
        maxReconnectAttempts: -1,
        // A server that was restarted refuses nodes until a coordinator is back to vouch for them.
        ignoreAuthErrorAbort: true,
        reconnectTimeWait: RECONNECT_WAIT_MS,
        reconnectJitter: RECONNECT_JITTER_MS,
        pingInterval: PING_INTERVAL_MS,
        maxPingOut: PING_OUT_MAX,
        timeout: 2_000,
        ...given({ tls, user, pass: password }),
      })
    } catch (cause) {
      if (performance.now() >= deadline) {
        throw new ServiceError(
          'bus-unavailable',
          `no NATS server accepts a connection at ${address.shown}`,
          { retryable: true, cause: redaction.error(cause) },
        )
      }
      await pause(RECONNECT_WAIT_MS)
    }
  }
  return createBus(nats, options.inboxPrefix, redaction.log(log))
}

/** The NATS address and user of a service, from its environment. */
export interface ServiceBusEnv {
  readonly SERVICE_ID: string
  readonly NATS_URL: string
  readonly NATS_USER?: string | undefined
  readonly NATS_PASSWORD?: string | undefined
  readonly NATS_CA_FILE?: string | undefined
  readonly NATS_CERT_FILE?: string | undefined
  readonly NATS_KEY_FILE?: string | undefined
  /** The secret of a node; needed for the user `node`. */
  readonly NODE_SECRET?: string | undefined
}

/** The address and the credentials of NATS in an environment. */
export function busAddress(env: ServiceBusEnv) {
  const { NATS_USER: user, NATS_PASSWORD: password = '', NODE_SECRET: secret } = env
  const asNode = user === NODE_USER && secret !== undefined
  return {
    url: env.NATS_URL,
    ...(asNode
      ? nodeCredentials({ nodeId: env.SERVICE_ID, password, secret })
      : { user, password: env.NATS_PASSWORD }),
    tls: { caFile: env.NATS_CA_FILE, certFile: env.NATS_CERT_FILE, keyFile: env.NATS_KEY_FILE },
  }
}

/** Connects as one of the services, with its own inbox prefix. */
export async function connectServiceBus(
  service: ServiceName,
  env: ServiceBusEnv,
  log: Logger,
): Promise<Bus> {
  return connectBus({
    ...busAddress(env),
    name: env.SERVICE_ID,
    inboxPrefix: inboxPrefix(service, service === 'worker' ? env.SERVICE_ID : undefined),
    log,
  })
}

function createBus(nats: NatsConnection, inboxPrefix: string, log: Logger): Bus {
  const connection = followConnection(nats, log)
  const { payloadMax, post, flush } = createOutbox(nats, log)
  const requester = createRequester(nats, inboxPrefix, post)
  const wire: Wire = {
    payloadMax,
    ...requester,
    publish: (subject, data, reply) =>
      post({ subject, data, ...(reply === undefined ? {} : { reply }) }),
    subscribe(subject, handler, subscribeOptions) {
      const subscription = nats.subscribe(subject, {
        ...(subscribeOptions?.queue === undefined ? {} : { queue: subscribeOptions.queue }),
        callback(error, message) {
          if (error !== null) {
            log.error({ err: error, subject }, 'A subscription to a NATS subject failed')
            return
          }
          try {
            handler(new ReceivedMessage(message, post))
          } catch (cause) {
            log.error(
              { err: cause, subject: message.subject },
              'The handler of a message failed; the process dropped the message',
            )
          }
        },
      })
      return { close: () => subscription.unsubscribe() }
    },
  }
  return {
    ...wire,
    ...createChannels(wire, log),
    nats,
    inboxPrefix,
    log,
    ...connection,
    async roundTrip(withinMs) {
      if (!connection.connected() || nats.isClosed()) return false
      flush()
      return within(nats.flush(), withinMs).then(
        () => true,
        () => false,
      )
    },
    post,
    async close() {
      if (nats.isClosed()) return
      flush()
      // A flush on a lost connection never returns, so it gets a deadline; the connection is closed in any
      // case.
      await within(nats.flush(), CLOSE_WITHIN_MS).catch(() => undefined)
      await within(nats.close(), CLOSE_WITHIN_MS).catch(() => undefined)
    },
  }
}

/** Gathers the messages of a busy moment, and sends them together. */
function createOutbox(nats: NatsConnection, log: Logger) {
  let outgoing: Outgoing[] = []
  // Writes all messages of a busy moment to the socket at once: a system call, and the wake-up it causes at
  // the other end, cost more than a message. An idle process sends at once.
  const flush = (): void => {
    const messages = outgoing
    outgoing = []
    if (nats.isClosed()) return
    for (const message of messages) {
      const { subject, data } = message
      try {
        // The message names its reply and its headers as the options of the client do.
        nats.publish(subject, data, message)
      } catch (error) {
        // The size was checked before; the send fails only if the server returned with a smaller limit.
        log.error({ err: error, subject }, 'The process could not send a message')
      }
    }
  }
  const payloadMax = (): number =>
    (nats.info?.max_payload ?? PAYLOAD_DEFAULT_BYTES) - HEADERS_MAX_BYTES
  const post = (message: Outgoing): boolean => {
    if (!fitsInto(message.data, payloadMax())) return false
    const waiting = outgoing.push(message)
    if (waiting === 1) afterTurns(TURNS_GATHERED, flush)
    else if (waiting >= GATHERED_MAX) flush()
    return true
  }
  return { payloadMax, post, flush }
}

/** Follows the state of the connection until it is closed. */
function followConnection(
  nats: NatsConnection,
  log: Logger,
): Pick<Bus, 'connected' | 'closed' | 'onReconnect'> {
  const listeners = new Set<() => void>()
  let connected = true
  void (async () => {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') {
        connected = false
        log.warn(
          {},
          'The process lost its connection to NATS; it connects again as soon as NATS answers',
        )
      } else if (status.type === 'reconnect') {
        connected = true
        log.info({}, 'The process has connected to NATS again')
        for (const listener of listeners) listener()
      } else if (status.type === 'error') {
        log.error({ status: JSON.stringify(status.data) }, 'NATS refused an operation')
      }
    }
  })().catch((error: unknown) =>
    log.error({ err: error }, 'The NATS client no longer reports the state of its connection'),
  )
  return {
    connected: () => connected,
    closed: nats.closed().then((error) => {
      connected = false
      if (error instanceof Error) log.error({ err: error }, 'The connection to NATS was closed')
    }),
    onReconnect(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/**
 * A class because of its getters: an object literal would create new functions, and so a new hidden class,
 * for each message; that class would live with its message until the next full collection.
 */
class ReceivedMessage implements BusMessage {
  readonly #message: Msg
  readonly #post: (message: Outgoing) => boolean
  #text: string | undefined

  constructor(message: Msg, post: (message: Outgoing) => boolean) {
    this.#message = message
    this.#post = post
  }

  get subject(): string {
    return this.#message.subject
  }

  get reply(): string {
    return this.#message.reply ?? ''
  }

  get seq(): number {
    return Number(this.#message.headers?.get('Nats-Sequence') ?? 0)
  }

  get bytes(): number {
    return this.#message.data.length
  }

  text(): string {
    return (this.#text ??= this.#message.string())
  }

  respond(text: string): boolean {
    const { reply } = this.#message
    return !reply || this.#post({ subject: reply, data: text })
  }
}

function afterTurns(turns: number, run: () => void): void {
  setImmediate(() => (turns <= 1 ? run() : afterTurns(turns - 1, run)))
}

/** Rejects when the promise has not settled within `ms` milliseconds. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ServiceError('bus-timeout', `NATS did not answer in ${ms} ms`)),
      ms,
    )
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}
