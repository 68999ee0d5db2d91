import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Permissions } from '@agentfleet/protocol'
import type { Binaries } from '../binaries.ts'
import { LOOPBACK, drawPorts } from './ports.ts'
import { startServer, type RunningServer, type ServerTls } from './server.ts'

/** One NATS user with a password and, when restricted, the subjects that it may use. */
export type NatsUser = {
  readonly user: string
  readonly password: string
  readonly permissions?: Pick<Permissions, 'publish' | 'subscribe'>
}

/** Settings of the NATS server; an empty list of users means no authentication. */
export type NatsConfig = {
  readonly durability: 'process' | 'power'
  readonly users: readonly NatsUser[]
  /**
   * Public key of the issuer that vouches for users that are not in the list; the users in the list must be
   * all that need no issuer.
   */
  readonly issuer?: string
  /** Encrypts the connections of clients; with an authority, clients need a certificate that it signed. */
  readonly tls?: ServerTls
}

/** The port for clients and the one for monitoring over HTTP. */
type NatsPorts = { readonly client: number; readonly monitor: number }

// Upper bounds of the streams' reservations, not their usage; the log is sized at 0.4 kB of memory a task.
const MEMORY_BYTES_MAX = 1024 ** 3
const FILE_BYTES_MAX = 64 * 1024 ** 3
// Specs and results of a task travel in one message; above 8 MB the server itself warns.
const PAYLOAD_BYTES_MAX = 8 * 1024 ** 2
// Go collects when its heap has grown by this share, 100 by default. The live heap of a one-machine server
// is some ten megabytes, so the memory is cheap and the time is not.
const GARBAGE_PERCENT = '300'
// Far above the few connections of a node, so that only the system's own limit counts.
const CONNECTIONS_MAX = 100_000
// The config format has no \u escapes, and a user or subject must not contain control characters.
const PLAIN_TEXT = /^[\x20-\x7e]+$/

/** Starts nats-server with JetStream on loopback and resolves when clients can connect. */
export async function startNats(options: {
  readonly binaries: Pick<Binaries, 'natsServer'>
  readonly dir: string
  readonly config: NatsConfig
  readonly port?: number
  readonly signal?: AbortSignal
}): Promise<RunningServer> {
  const { binaries, dir, config, port, signal } = options
  // Names this server alone, so that its answers can be recognised.
  const serverName = `agentfleet-${randomUUID()}`
  const configFile = join(dir, 'nats.conf')
  return startServer({
    program: { ...binaries.natsServer, env: { GOGC: GARBAGE_PERCENT, ...binaries.natsServer.env } },
    dir,
    scheme: 'nats',
    signal,
    portsAreGiven: port !== undefined,
    choosePorts: async () => {
      const [client = 0, monitor = 0] = await drawPorts(2)
      return { client: port ?? client, monitor }
    },
    clientPort: ({ client }) => client,
    prepare: async (ports) => {
      // A mode applies only to a new file; passwords must never be in a readable one.
      await rm(configFile, { force: true })
      await writeFile(configFile, renderConfig(serverName, dir, config, ports), { mode: 0o600 })
      return ['--config', configFile]
    },
    answers: async (ports, _pid, probe) => {
      if ((await readServerName(ports.client, probe)) !== serverName) return false
      const health = await fetch(`http://${LOOPBACK}:${ports.monitor}/healthz`, { signal: probe })
      await health.arrayBuffer()
      return health.ok
    },
  })
}

/** JSON is valid in the server's config format as long as strings are plain. */
function renderConfig(
  serverName: string,
  dir: string,
  config: NatsConfig,
  ports: NatsPorts,
): string {
  const users = config.users.map(renderUser)
  const settings = {
    server_name: serverName,
    host: LOOPBACK,
    port: ports.client,
    http: `${LOOPBACK}:${ports.monitor}`,
    max_payload: PAYLOAD_BYTES_MAX,
    max_connections: CONNECTIONS_MAX,
    ping_interval: '5s',
    jetstream: {
      store_dir: join(dir, 'jetstream'),
      sync_interval: config.durability === 'power' ? 'always' : '1s',
      max_memory_store: MEMORY_BYTES_MAX,
      max_file_store: FILE_BYTES_MAX,
    },
    ...(users.length > 0 ? { authorization: { users, ...renderIssuer(config) } } : {}),
    ...(config.tls === undefined ? {} : { tls: renderTls(config.tls) }),
  }
  return JSON.stringify(settings, undefined, 2) + '\n'
}

function renderIssuer({ issuer, users }: NatsConfig): object {
  if (issuer === undefined) return {}
  return { auth_callout: { issuer, auth_users: users.map(({ user }) => user) } }
}

function renderTls({ certFile, keyFile, clientCaFile }: ServerTls): object {
  return {
    cert_file: certFile,
    key_file: keyFile,
    ...(clientCaFile === undefined ? {} : { ca_file: clientCaFile, verify: true }),
  }
}

function renderUser({ user, password, permissions }: NatsUser): object {
  const { publish, subscribe } = permissions ?? {}
  const subjects = [publish, subscribe].flatMap((rules) => rules?.allow ?? [])
  for (const text of [user, password, ...subjects])
    if (!PLAIN_TEXT.test(text))
      throw new Error(`the name and the password of the NATS user ${user} must be plain ASCII text`)
  return { user, password, permissions: permissions && { publish, subscribe } }
}

/** Reads the server's name from its greeting to every client. */
async function readServerName(port: number, signal: AbortSignal): Promise<string | undefined> {
  const socket = connect({ port, host: LOOPBACK, signal })
  // Errors after the greeting do not matter, and without a listener they would end the process.
  socket.on('error', () => undefined)
  try {
    const [chunk] = (await once(socket, 'data', { signal })) as [Buffer]
    return /"server_name":"([^"]*)"/.exec(chunk.toString('utf8'))?.[1]
  } finally {
    socket.destroy()
  }
}
