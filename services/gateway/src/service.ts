import { readPage } from '@agentfleet/console'
import { CHANNELS } from '@agentfleet/protocol'
import { every, settleWithin, type Readiness, type Service } from '@agentfleet/runtime'
import { createAllowPages, createCheckCaller, requireLoopback } from './http/hosts.ts'
import { apiHost, isOpen } from './config.ts'
import { closeApi, createApi } from './http/server.ts'
import { READERS_INTERVAL_MS } from './http/slow-readers.ts'
import { followLive } from './stream/live.ts'
import { createMetrics } from './metrics.ts'
import { createIsProxy } from './http/proxies.ts'
import { TICK_INTERVAL_MS } from './stream/connections.ts'
import { NODES_INTERVAL_MS } from './stream/nodes.ts'
import { STATS_INTERVAL_MS } from './stream/stats.ts'
import { handlersOf } from './handlers.ts'
import { createParts, type GatewayDeps, type GatewayParts } from './parts.ts'

/** Milliseconds; each silent task is checked several times within HEAL_AFTER_MS. */
const SWEEP_INTERVAL_MS = 5_000

/**
 * Milliseconds. After this the gateway listens anyway and refuses requests with a key of the API or the name
 * of an agent.
 */
const DEFINITIONS_WITHIN_MS = 10_000

/** Milliseconds; coordinators count a gateway until they miss several announcements. */
const ANNOUNCE_EVERY_MS = 1_000

/** The gateway; it knows the address of its API once it has started. */
export interface Gateway extends Service {
  /** Returns the base URL of the API as `http://host:port`. */
  url(): string
}

/** Wires the gateway; it does not listen before `start`. */
export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const { bus, config, clock, log, registry } = deps
  const metrics = createMetrics(registry)
  let draining = false
  const readiness = (): Readiness => {
    if (draining) return { ok: false, reason: 'draining' }
    if (!bus.connected()) return { ok: false, reason: 'the bus is not connected' }
    const degraded = degradedBy(parts)
    return degraded.length === 0 ? { ok: true } : { ok: true, degraded }
  }
  const parts = createParts(deps, metrics)
  const { streams, heldRequests, subscriptions, principals } = parts
  const { app, slowReaders } = await createApi({
    document: parts.document,
    handlers: handlersOf(deps, parts, deps.readiness ?? readiness),
    checkCaller: createCheckCaller({
      publicHosts: config.PUBLIC_HOSTS,
      allowedOrigins: config.ALLOWED_ORIGINS,
    }),
    allowPages: createAllowPages(config.ALLOWED_ORIGINS),
    isProxy: createIsProxy(config.TRUSTED_PROXIES),
    perAddress: config.CONNECTIONS_PER_ADDRESS,
    page: readPage(),
    publicPath: config.PUBLIC_PATH ?? '',
    guard: principals.guard,
    recorder: principals.recorder,
    metrics,
    monotonicMs: clock.monotonicMs,
    log,
  })
  const live = followLive({
    bus,
    sinks: [heldRequests, subscriptions, parts.tenantSubscriptions],
    log,
  })
  const loops = loopsOf(deps, parts, () =>
    metrics.closes.inc({ reason: 'reads nothing' }, slowReaders.sweep()),
  )
  const port = () => {
    const address = app.addresses()[0]
    return typeof address === 'object' ? address.port : config.API_PORT
  }

  return {
    ready: readiness,
    url: () => `http://${apiHost(config)}:${port()}`,
    async start() {
      await Promise.all(loops.map((loop) => loop.start()))
      if (app.server.listening) return
      const read = [parts.directory.caughtUp(), principals.directory.caughtUp()]
      await settleWithin(Promise.all(read), DEFINITIONS_WITHIN_MS)
      if (isOpen(config)) await requireLoopback(apiHost(config))
      await app.listen({ host: apiHost(config), port: config.API_PORT })
      log.info({ host: apiHost(config), port: port() }, 'The API listens for requests')
    },
    async drain(deadlineMs) {
      draining = true
      heldRequests.releaseAll()
      streams.closeAll()
      await Promise.all([closeApi(app, deadlineMs), ...loops.map((loop) => loop.drain(deadlineMs))])
      live.close()
      await closeParts(parts)
    },
    address: ({ host }) => ({ host, port: port() }),
  }
}

/** A degraded gateway stays ready: all gateways share the servers, so if none were ready, clients could not even read tasks. */
function degradedBy({ admission, room, directory, principals }: GatewayParts): string[] {
  const { logFill } = admission
  return [
    ...(logFill.full() || logFill.refuses() ? ['log-full'] : []),
    ...(room.outdated() ? ['records-outdated'] : []),
    ...(directory.outdated() ? ['agents-outdated'] : []),
    ...(principals.directory.outdated() ? ['keys-outdated'] : []),
  ]
}

async function closeParts(parts: GatewayParts): Promise<void> {
  const { principals } = parts
  parts.room.close()
  parts.handover.close()
  parts.fleet.close()
  parts.offers.close()
  await parts.controlPlane.close()
  await principals.recorder.flush()
  await Promise.all([parts.directory.close(), principals.directory.close()])
}

/** What the gateway does from time to time. */
function loopsOf(
  { bus, config, clock, log }: GatewayDeps,
  parts: GatewayParts,
  sweepReaders: () => void,
): Service[] {
  return [
    parts.admission.watch,
    every(ANNOUNCE_EVERY_MS, { clock, log, name: 'announce' }, async () => {
      bus.send(CHANNELS.gateway, { id: config.SERVICE_ID, tenants: parts.tenants() })
    }),
    ...parts.principals.loops,
    every(SWEEP_INTERVAL_MS, { clock, log, name: 'stream-sweep' }, () =>
      parts.subscriptions.sweep(),
    ),
    every(STATS_INTERVAL_MS, { clock, log, name: 'stream-stats' }, () => parts.stats.round()),
    every(NODES_INTERVAL_MS, { clock, log, name: 'stream-nodes' }, async () => parts.nodes.round()),
    every(TICK_INTERVAL_MS, { clock, log, name: 'stream-tick' }, async () => parts.streams.tick()),
    every(READERS_INTERVAL_MS, { clock, log, name: 'slow-readers' }, async () => {
      sweepReaders()
    }),
  ]
}
