import { busAddress, connectBus, openIdentities, type Bus } from '@agentfleet/adapters'
import { inboxPrefix, NODE_USER } from '@agentfleet/protocol'
import { createLogger, systemClock, type Logger } from '@agentfleet/runtime'
import type { SecuredServers } from '@agentfleet/testkit'
import { createVouching } from '../src/identity/service.ts'

const PASSWORD = 'of-all-nodes-0123456789'
/** A busy machine answers within this, milliseconds. */
export const SOON_MS = 10_000
export const log: Logger = createLogger({ service: 'coordinator', id: 'test', level: 'silent' })

/** Starts the part of a coordinator that vouches for nodes, on this connection of a coordinator. */
export async function startVouching(servers: SecuredServers, bus: Bus) {
  const vouching = createVouching({
    bus,
    identities: openIdentities(bus),
    nodePassword: PASSWORD,
    issuerSeed: servers.issuer.seed,
    clock: systemClock,
    log,
  })
  await vouching.start()
  await bus.roundTrip(SOON_MS)
  return vouching
}

/** A node on the bus, and its errors of permissions. */
export type ConnectedNode = Bus & { readonly refused: string[] }

/** Connects as a worker does. */
export async function connectNode(
  servers: SecuredServers,
  id: string,
  options: { secret?: string; password?: string; withinMs?: number } = {},
): Promise<ConnectedNode> {
  const { secret = `secret-of-${id}-0123456789`, password = PASSWORD, withinMs } = options
  const refused: string[] = []
  const note = (fields: object): void => void refused.push(JSON.stringify(fields))
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined }
  const bus = await connectBus({
    ...busAddress({
      SERVICE_ID: id,
      NATS_URL: servers.nats.url,
      NATS_USER: NODE_USER,
      NATS_PASSWORD: password,
      NODE_SECRET: secret,
    }),
    name: id,
    inboxPrefix: inboxPrefix('worker', id),
    log: { ...quiet, error: note },
    connectWithinMs: withinMs ?? SOON_MS,
  })
  servers.closing(bus)
  return Object.assign(bus, { refused })
}
