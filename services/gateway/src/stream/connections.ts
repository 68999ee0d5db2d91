import {
  createTally,
  decideShare,
  limitOf,
  type Admitted,
  type Principal,
  type Scope,
  type TenantLimits,
} from '@agentfleet/domain'
import type { Socket } from 'node:net'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { WebSocket } from '@fastify/websocket'
import type { Frame, Subscriptions, Viewer } from './subscriptions.ts'
import { isRecordTopic, type FleetSubscriptions } from './fleet-subscriptions.ts'
import { SUBSCRIPTIONS_MAX, afterOf, parseFrame, type Ask } from './frames.ts'
import type { GatewayMetrics } from '../metrics.ts'
import { Refusal } from '../http/problems.ts'
import type { NodesSubscriptions } from './nodes.ts'
import type { StatsSubscriptions } from './stats.ts'
import type { TenantSubscriptions } from './tenant-subscriptions.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'
import { createUnsent, type UnsentBytes } from './unsent.ts'

/**
 * The WebSocket connections.
 *
 * States of a connection: open → closing → gone. The gateway closes a connection that sends
 * unreadable frames (1008) or reads too slowly (1013), terminates a connection that does not answer
 * pings, and closes all connections when it stops (1001). Invariants (L7): an open connection loses
 * no event, and loses deltas only when it is slow; `unsent.ts` bounds its unsent bytes and those of
 * all connections; it has at most SUBSCRIPTIONS_MAX watches, and all have at most WATCHES_MAX.
 */
export interface Streams {
  /** Throws a Refusal if the tenant has too many connections. */
  admit(tenant: string): void
  /**
   * `wire` is the connection under the WebSocket. Calls `refused` when the principal asks for something that needs
   * another scope.
   */
  accept(socket: WebSocket, wire: Wire, principal: Principal, refused: () => void): void
  /**
   * Checks for slow and silent connections, and for keys that were revoked or have expired; call it every
   * TICK_INTERVAL_MS.
   */
  tick(): void
  count(): number
  /** Returns the number of open connections of the tenant. */
  open(tenant: string): number
  /** Closes all connections with 1001. */
  closeAll(): void
}

/** What holds back the frames of a connection until they leave together. */
type Wire = Pick<Socket, 'cork' | 'uncork'>

/** Milliseconds between calls of `tick`. */
export const TICK_INTERVAL_MS = 1_000
/** Milliseconds; proxies cut connections that are silent for a minute. */
const PING_INTERVAL_MS = 20_000
const PINGS_MISSED_MAX = 2
const BAD_FRAMES_MAX = 5
/** More frames in one tick than any program needs, pings and pongs included. */
const FRAMES_PER_TICK_MAX = 200
/** Tasks that the frames of one tick may name: each costs microseconds, and two full lists can replace each other. */
const NAMED_PER_TICK_MAX = 4 * SUBSCRIPTIONS_MAX
/** A closed connection whose client does not confirm it ends after this, with its unsent bytes, milliseconds. */
const CLOSE_WITHIN_MS = 2_000

/** Connections that all tenants share: each of them may have BUFFER_SLOW_BYTES unsent. */
const CONNECTIONS_MAX = 4_000
/** Watches of all connections: about 300 bytes each, twice as much with deltas. */
const WATCHES_MAX = 400_000

const GOING_AWAY = 1001
const POLICY_VIOLATION = 1008
const TRY_AGAIN_LATER = 1013
/** The first of the codes that applications choose, with the status of HTTP for "no valid key". */
const NO_VALID_KEY = 4401

/** Why a connection without a valid key ends. */
const END_REASONS = {
  revoked: 'key revoked',
  expired: 'key expired',
  rotated: 'key rotated',
  scope: 'scope missing',
} as const

interface Connection {
  readonly socket: WebSocket
  readonly wire: Wire
  readonly principal: Principal
  readonly viewer: Viewer
  readonly watched: Set<string>
  badFrames: number
  framesInTick: number
  namedInTick: number
  pingsMissed: number
  pingedAtMs: number
  readonly unsent: UnsentBytes
  /** Answers a frame of the client. */
  reply(frame: object): void
  refused(): void
}

interface StreamDeps {
  readonly subscriptions: Subscriptions
  readonly tenantSubscriptions: TenantSubscriptions
  readonly fleetSubscriptions: FleetSubscriptions
  readonly stats: StatsSubscriptions
  readonly nodes: NodesSubscriptions
  readonly limits: TenantLimits
  /** Returns how many tenants share the fleet. */
  readonly tenants: () => number
  /** Whether the principal, as its key is now, may use operations of this scope. */
  readonly standing: (principal: Principal, scope: Scope) => Admitted
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: GatewayMetrics
}

/** Creates an empty collection of connections. */
export function createStreams(deps: StreamDeps): Streams {
  const {
    limits,
    tenants,
    clock,
    log,
    metrics,
    subscriptions,
    tenantSubscriptions,
    fleetSubscriptions,
    stats,
  } = deps
  const connections = new Set<Connection>()
  const perTenant = createTally()
  const unsentOfAll = createUnsent({
    monotonicMs: clock.monotonicMs,
    endSlowest: (socket) => {
      metrics.closes.inc({ reason: 'reads too slowly' })
      socket.terminate()
    },
  })

  function close(connection: Connection, code: number, reason: string) {
    metrics.closes.inc({ reason })
    connection.socket.close(code, reason)
    setTimeout(() => connection.socket.terminate(), CLOSE_WITHIN_MS).unref()
    forgetAll(connection)
  }

  function forgetAll({ viewer, watched }: Connection) {
    tenantSubscriptions.unfollow(viewer)
    fleetSubscriptions.unfollow(viewer)
    stats.unfollow(viewer)
    deps.nodes.unfollow(viewer)
    for (const taskId of watched) subscriptions.unwatch(viewer, taskId)
    watched.clear()
  }

  /** Closes a connection that has too many unsent bytes. */
  function checkUnsent(connection: Connection) {
    const { socket, unsent } = connection
    if (socket.readyState === socket.OPEN && unsent.tooSlow()) {
      close(connection, TRY_AGAIN_LATER, 'the client reads too slowly')
    }
  }

  function tickOne(connection: Connection) {
    const { socket } = connection
    connection.framesInTick = 0
    connection.namedInTick = 0
    if (socket.readyState !== socket.OPEN) return
    const standing = deps.standing(connection.principal, 'tasks:read')
    if (standing.kind === 'refused') {
      close(connection, NO_VALID_KEY, END_REASONS[standing.reason])
      return
    }
    checkUnsent(connection)
    if (connection.unsent.readsNothing()) {
      metrics.closes.inc({ reason: 'reads nothing' })
      socket.terminate()
      return
    }
    const nowMs = clock.monotonicMs()
    if (nowMs - connection.pingedAtMs < PING_INTERVAL_MS) return
    if (connection.pingsMissed >= PINGS_MISSED_MAX) {
      metrics.closes.inc({ reason: 'silent' })
      socket.terminate()
      return
    }
    connection.pingsMissed += 1
    connection.pingedAtMs = nowMs
    socket.ping()
  }

  function refuseFrame(connection: Connection, detail: string) {
    connection.badFrames += 1
    connection.reply({ type: 'error', code: 'bad-frame', detail })
    if (connection.badFrames >= BAD_FRAMES_MAX) {
      close(connection, POLICY_VIOLATION, 'unreadable frames')
    }
  }

  /** Counts a ping or a pong, which the WebSocket server answers by itself. */
  function receiveControl(connection: Connection) {
    connection.framesInTick += 1
    const { socket } = connection
    if (connection.framesInTick > FRAMES_PER_TICK_MAX && socket.readyState === socket.OPEN) {
      close(connection, POLICY_VIOLATION, 'too many pings')
    }
  }

  function receive(connection: Connection, data: Buffer, binary: boolean) {
    if (connection.socket.readyState !== connection.socket.OPEN) return
    connection.pingsMissed = 0
    connection.framesInTick += 1
    if (connection.framesInTick > FRAMES_PER_TICK_MAX) {
      return refuseFrame(connection, `Send at most ${FRAMES_PER_TICK_MAX} frames a second.`)
    }
    if (binary) return refuseFrame(connection, 'Send text frames.')
    const parsed = parseFrame(data.toString('utf8'))
    if (parsed.kind === 'bad') return refuseFrame(connection, parsed.detail)
    if ('taskIds' in parsed.ask) connection.namedInTick += parsed.ask.taskIds.length
    if (connection.namedInTick > NAMED_PER_TICK_MAX) {
      return refuseFrame(
        connection,
        `Name at most ${NAMED_PER_TICK_MAX} tasks a second; to follow all tasks, send {"type":"subscribe","all":true}.`,
      )
    }
    // A thousand answers to one frame leave in one write; alone, each write takes ten microseconds.
    connection.wire.cork()
    serve(deps, connection, parsed.ask).catch((error: unknown) => {
      log.error({ err: error }, 'A WebSocket frame could not be served; the connection is closed')
      close(connection, TRY_AGAIN_LATER, 'gateway failed')
    })
    connection.wire.uncork()
  }

  return {
    count: () => connections.size,
    open: perTenant.of,
    admit(tenant) {
      const own = perTenant.of(tenant)
      const limit = limitOf(limits, tenant).streams ?? DEFAULT_LIMITS.streams
      const used = connections.size
      const share = decideShare({
        capacity: CONNECTIONS_MAX,
        used,
        own,
        ask: 1,
        limit,
        tenants: tenants(),
      })
      if (share.kind === 'take') return
      throw new Refusal(
        'too-many-connections',
        `You have ${own} connections open, and ${share.allowed} are allowed now. Follow several tasks over one connection.`,
      )
    },
    accept(socket, wire, principal, refused) {
      const { tenant } = principal
      const watched = new Set<string>()
      const unsent = unsentOfAll.add(socket, tenant)
      const check = () => checkUnsent(connection)
      const send = (frame: Frame | string): void => {
        if (socket.readyState !== socket.OPEN) return
        socket.send(frame, { binary: false }, unsent.taken)
        unsent.grown(frame.length)
        check()
      }
      const reply = (frame: object): void => send(JSON.stringify(frame))
      const viewer = createViewer({ tenant, watched, metrics, unsent, send, reply })
      const connection: Connection = {
        socket,
        wire,
        principal,
        viewer,
        watched,
        badFrames: 0,
        framesInTick: 0,
        namedInTick: 0,
        pingsMissed: 0,
        pingedAtMs: clock.monotonicMs(),
        unsent,
        reply,
        refused,
      }
      connections.add(connection)
      perTenant.add(tenant, 1)
      socket.on('message', (data: Buffer, binary: boolean) => receive(connection, data, binary))
      socket.on('ping', () => receiveControl(connection))
      socket.on('pong', (data: Buffer) => {
        receiveControl(connection)
        connection.pingsMissed = 0
        unsent.answered(data.toString())
      })
      socket.once('close', () => {
        connections.delete(connection)
        perTenant.add(tenant, -1)
        unsent.close()
        forgetAll(connection)
      })
    },
    tick() {
      for (const connection of connections) tickOne(connection)
    },
    closeAll() {
      for (const connection of connections) close(connection, GOING_AWAY, 'gateway stops')
    },
  }
}

async function serve(deps: StreamDeps, connection: Connection, ask: Ask): Promise<void> {
  const { subscriptions, tenantSubscriptions, fleetSubscriptions, stats, nodes } = deps
  const { viewer, watched } = connection
  switch (ask.type) {
    case 'ping':
      return connection.reply({ type: 'pong' })
    case 'unsubscribe':
      if ('fleet' in ask) {
        if (ask.fleet.includes('nodes')) nodes.unfollow(viewer)
        return fleetSubscriptions.unfollow(viewer, ask.fleet.filter(isRecordTopic))
      }
      if ('stats' in ask) return stats.unfollow(viewer)
      for (const taskId of ask.taskIds) {
        watched.delete(taskId)
        subscriptions.unwatch(viewer, taskId)
      }
      return
    case 'subscribe': {
      if ('all' in ask) {
        tenantSubscriptions.follow(viewer)
        return connection.reply({ type: 'subscribed', all: true })
      }
      if ('stats' in ask) {
        stats.follow(viewer)
        return connection.reply({ type: 'subscribed', stats: true })
      }
      if ('fleet' in ask) {
        if (deps.standing(connection.principal, 'fleet:read').kind === 'refused') {
          connection.refused()
          const detail = 'Decisions, incidents and nodes need a key with the scope fleet:read.'
          return connection.reply({ type: 'error', code: 'scope-missing', detail })
        }
        if (ask.fleet.includes('nodes')) nodes.follow(viewer)
        fleetSubscriptions.follow(viewer, ask.fleet.filter(isRecordTopic))
        return connection.reply({ type: 'subscribed', fleet: ask.fleet })
      }
      const taskIds = [...new Set(ask.taskIds)]
      const added = taskIds.filter((taskId) => !watched.has(taskId)).length
      if (watched.size + added > SUBSCRIPTIONS_MAX) {
        const detail = `A connection follows at most ${SUBSCRIPTIONS_MAX} tasks; unsubscribe some tasks or open another connection.`
        return connection.reply({ type: 'error', code: 'too-many-subscriptions', detail })
      }
      const held = subscriptions.held(viewer.tenant)
      const share = { ...held, capacity: WATCHES_MAX, ask: added, tenants: deps.tenants() }
      if (decideShare(share).kind === 'refuse' || held.used + added > WATCHES_MAX) {
        const detail = `Your connections follow ${held.own} tasks, and the gateway has no room for ${added} more now. Unsubscribe some tasks, or follow all tasks with {"type":"subscribe","all":true}.`
        return connection.reply({ type: 'error', code: 'too-many-subscriptions', detail })
      }
      for (const taskId of taskIds) watched.add(taskId)
      const after = (taskId: string) => afterOf(ask.after, taskId)
      await subscriptions.watch(viewer, { taskIds, after, deltas: ask.deltas })
      const ended = taskIds.filter((taskId) => !watched.has(taskId))
      return connection.reply({ type: 'subscribed', taskIds, ended })
    }
  }
}

function createViewer(deps: {
  readonly tenant: string
  readonly watched: Set<string>
  readonly metrics: GatewayMetrics
  readonly unsent: UnsentBytes
  readonly send: (frame: Frame | string) => void
  readonly reply: (frame: object) => void
}): Viewer {
  const { tenant, watched, metrics, unsent, send, reply } = deps
  return {
    tenant,
    send(frame) {
      metrics.frames.inc({ kind: 'event' })
      send(frame)
    },
    ready: () => unsent.ready(),
    hint(frame) {
      const dropped = unsent.dropsHints()
      metrics.frames.inc({ kind: dropped ? 'delta-dropped' : 'delta' })
      if (!dropped) send(frame)
      return !dropped
    },
    refuse(taskId, code, detail) {
      reply({ type: 'error', code, detail, ...(taskId === '' ? {} : { taskId }) })
    },
    forget(taskId) {
      watched.delete(taskId)
    },
  }
}
