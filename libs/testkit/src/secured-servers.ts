import { connectBus, provisionStreams, type Bus, type Logger } from '@agentfleet/adapters'
import type { Timing } from '@agentfleet/domain'
import {
  createIssuerKey,
  inboxPrefix,
  permissionsOf,
  SERVICES,
  type IssuerKey,
  type ServiceName,
} from '@agentfleet/protocol'
import { startTestServers, type ServerName, type TestServers } from './servers.ts'

/** Servers that a test may need in addition to NATS. */
export type Beside = Exclude<ServerName, 'nats'>

/** NATS with the users and permissions of production (L9), and the other servers that a test asks for. */
export type SecuredServers<B extends Beside = never> = TestServers<'nats' | B> & {
  /** A connection of the user `test`, which may publish and subscribe to everything; the streams exist. */
  readonly bus: Bus
  /** A connection of a service's own user; closed with the servers. */
  connect(user: ServiceName): Promise<Bus>
  /** The key of the issuer that vouches for nodes. */
  readonly issuer: IssuerKey
  /** Closed before the servers, the last one first. */
  closing(opened: { close(): Promise<void> }): void
}

/** More than most of these tests store, and quickly filled by the test that fills it, bytes. */
const STREAM_BYTES = 16 * 1024 * 1024
/** The limits of the streams, for tests that make a stream again. */
export const STREAM_SIZES = {
  logMaxBytes: STREAM_BYTES,
  tasksMaxBytes: STREAM_BYTES,
  opsMaxBytes: STREAM_BYTES,
  replicas: 1,
}

/** Starts NATS with every service's user, provisions the streams, and starts the other named servers. */
export async function startSecuredServers<B extends Beside = never>(options: {
  readonly log: Logger
  readonly beside?: readonly B[]
  /** Leases of delivered messages, if other than in production. */
  readonly timing?: Timing
}): Promise<SecuredServers<B>> {
  const { log, beside = [], timing } = options
  const users = SERVICES.map((user) => ({ user, password: user, permissions: permissionsOf(user) }))
  const everything = { user: 'test', password: 'test' }
  const issuer = createIssuerKey()
  const servers = await startTestServers<'nats' | B>(['nats', ...beside], {
    users: [everything, ...users],
    issuer: issuer.publicKey,
  })
  const opened: { close(): Promise<void> }[] = []
  const connect = async (user: ServiceName | 'test'): Promise<Bus> => {
    const prefix = user === 'test' ? '_INBOX_test' : inboxPrefix(user)
    const connection = await connectBus({
      url: servers.nats.url,
      user,
      password: user,
      name: user,
      inboxPrefix: prefix,
      log,
    })
    opened.push(connection)
    return connection
  }
  const bus = await connect('test')
  await provisionStreams(bus, STREAM_SIZES, log, timing)
  return {
    ...servers,
    bus,
    issuer,
    connect,
    closing: (one) => void opened.push(one),
    async [Symbol.asyncDispose]() {
      for (const { close } of opened.splice(0).reverse()) await close()
      await servers[Symbol.asyncDispose]()
    },
  }
}
