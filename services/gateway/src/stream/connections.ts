import { createTally, decideShare, limitOf, type Principal } from '@agentfleet/domain'
import type { WebSocket } from '@fastify/websocket'
import { serve, type Connection, type StreamDeps, type Wire } from './asks.ts'
import type { Frame, Viewer } from './subscriptions.ts'
import { SUBSCRIPTIONS_MAX, parseFrame } from './frames.ts'
import { Refusal } from '../http/problems.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'
import { createUnsent } from './unsent.ts'

/**
 * The WebSocket connections.
 *
 * States of a connection: open → closing → gone. The gateway closes a connection that sends
 * unreadable frames (1008) or reads too slowly (1013), terminates a connection that does not answer
 * pings, and closes all connections when it stops (1001). Invariants (L7): an open connection loses
 * no event, and loses deltas only when it is slow; `unsent.ts` bounds its unsent bytes and those of
 * all connections; it has at most SUBSCRIPTIONS_MAX watches, and all have at most WATCHES_MAX (`asks.ts`).
 */
export type Streams = ReturnType<typeof createStreams>

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

/** Creates an empty collection of connections. */
export function createStreams(deps: StreamDeps) {
  const { limits, clock } = deps
  const connections = new Set<Connection>()
  const perTenant = createTally()
  const unsentOfAll = createUnsent({
    monotonicMs: clock.monotonicMs,
    endSlowest: (socket) => endAtOnce(deps, socket, 'reads too slowly'),
  })

  return {
    count: () => connections.size,
    /** Returns the number of open connections of the tenant. */
    open: perTenant.of,
    /** Throws a Refusal if the tenant has too many connections. */
    admit(tenant: string): void {
      const own = perTenant.of(tenant)
      const limit = limitOf(limits, tenant).streams ?? DEFAULT_LIMITS.streams
      const all = { capacity: CONNECTIONS_MAX, used: connections.size, tenants: deps.tenants() }
      const share = decideShare({ ...all, own, ask: 1, limit })
      if (share.kind === 'take') return
      throw new Refusal(
        'too-many-connections',
        `You have ${own} connections open, and ${share.allowed} are allowed now. Follow several tasks over one connection.`,
      )
    },
    /**
     * `wire` is the connection under the WebSocket. Calls `refused` when the principal asks for something that needs
     * another scope.
     */
    accept(socket: WebSocket, wire: Wire, principal: Principal, refused: () => void): void {
      const { tenant } = principal
      const unsent = unsentOfAll.add(socket, tenant)
      const connection = connectionOf(deps, { socket, wire, principal, unsent, refused })
      connections.add(connection)
      perTenant.add(tenant, 1)
      socket.on('message', (data: Buffer, binary: boolean) =>
        receive(deps, connection, data, binary),
      )
      socket.on('ping', () => receiveControl(deps, connection))
      socket.on('pong', (data: Buffer) => {
        receiveControl(deps, connection)
        connection.pingsMissed = 0
        unsent.answered(data.toString())
      })
      socket.once('close', () => {
        connections.delete(connection)
        perTenant.add(tenant, -1)
        unsent.close()
        forgetAll(deps, connection)
      })
    },
    /**
     * Checks for slow and silent connections, and for keys that were revoked or have expired; call it every
     * TICK_INTERVAL_MS.
     */
    tick(): void {
      for (const connection of connections) tickOne(deps, connection)
    },
    /** Closes all connections with 1001. */
    closeAll(): void {
      for (const connection of connections) close(deps, connection, GOING_AWAY, 'gateway stops')
    },
  }
}

/** Returns the connection of this socket, which follows nothing yet. */
function connectionOf(
  deps: StreamDeps,
  opened: Pick<Connection, 'socket' | 'wire' | 'principal' | 'unsent' | 'refused'>,
): Connection {
  const { socket, principal, unsent } = opened
  const { frames } = deps.metrics
  const watched = new Set<string>()
  const send = (frame: Frame | string): void => {
    if (socket.readyState !== socket.OPEN) return
    socket.send(frame, { binary: false }, unsent.taken)
    unsent.grown(frame.length)
    checkUnsent(deps, connection)
  }
  const reply = (frame: object): void => send(JSON.stringify(frame))
  const viewer: Viewer = {
    tenant: principal.tenant,
    send(frame) {
      frames.inc({ kind: 'event' })
      send(frame)
    },
    ready: () => unsent.ready(),
    hint(frame) {
      const dropped = unsent.dropsHints()
      frames.inc({ kind: dropped ? 'delta-dropped' : 'delta' })
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
  const connection: Connection = {
    ...opened,
    viewer,
    watched,
    badFrames: 0,
    framesInTick: 0,
    namedInTick: 0,
    pingsMissed: 0,
    pingedAtMs: deps.clock.monotonicMs(),
    reply,
  }
  return connection
}

function close(deps: StreamDeps, connection: Connection, code: number, reason: string) {
  const { socket } = connection
  deps.metrics.closes.inc({ reason })
  socket.close(code, reason)
  setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS).unref()
  forgetAll(deps, connection)
}

/** Ends a connection without a word to its client, which may not read. */
function endAtOnce({ metrics }: StreamDeps, socket: WebSocket, reason: string) {
  metrics.closes.inc({ reason })
  socket.terminate()
}

function forgetAll(deps: StreamDeps, { viewer, watched }: Connection) {
  deps.tenantSubscriptions.unfollow(viewer)
  deps.fleetSubscriptions.unfollow(viewer)
  deps.stats.unfollow(viewer)
  deps.nodes.unfollow(viewer)
  for (const taskId of watched) deps.subscriptions.unwatch(viewer, taskId)
  watched.clear()
}

/** Closes a connection that has too many unsent bytes. */
function checkUnsent(deps: StreamDeps, connection: Connection) {
  const { socket, unsent } = connection
  if (socket.readyState === socket.OPEN && unsent.tooSlow()) {
    close(deps, connection, TRY_AGAIN_LATER, 'the client reads too slowly')
  }
}

/** Checks one connection, and counts its frames from 0 again. */
function tickOne(deps: StreamDeps, connection: Connection) {
  const { socket } = connection
  connection.framesInTick = 0
  connection.namedInTick = 0
  if (socket.readyState !== socket.OPEN) return
  const standing = deps.standing(connection.principal, 'tasks:read')
  if (standing.kind === 'refused')
    return close(deps, connection, NO_VALID_KEY, END_REASONS[standing.reason])
  checkUnsent(deps, connection)
  if (connection.unsent.readsNothing()) return endAtOnce(deps, socket, 'reads nothing')
  const nowMs = deps.clock.monotonicMs()
  if (nowMs - connection.pingedAtMs < PING_INTERVAL_MS) return
  if (connection.pingsMissed >= PINGS_MISSED_MAX) return endAtOnce(deps, socket, 'silent')
  connection.pingsMissed += 1
  connection.pingedAtMs = nowMs
  socket.ping()
}

function refuseFrame(deps: StreamDeps, connection: Connection, detail: string) {
  connection.badFrames += 1
  connection.reply({ type: 'error', code: 'bad-frame', detail })
  if (connection.badFrames >= BAD_FRAMES_MAX) {
    close(deps, connection, POLICY_VIOLATION, 'unreadable frames')
  }
}

/** Counts a ping or a pong, which the WebSocket server answers by itself. */
function receiveControl(deps: StreamDeps, connection: Connection) {
  connection.framesInTick += 1
  const { socket } = connection
  if (connection.framesInTick > FRAMES_PER_TICK_MAX && socket.readyState === socket.OPEN) {
    close(deps, connection, POLICY_VIOLATION, 'too many pings')
  }
}

function receive(deps: StreamDeps, connection: Connection, data: Buffer, binary: boolean) {
  if (connection.socket.readyState !== connection.socket.OPEN) return
  const refuse = (detail: string) => refuseFrame(deps, connection, detail)
  connection.pingsMissed = 0
  connection.framesInTick += 1
  if (connection.framesInTick > FRAMES_PER_TICK_MAX) {
    return refuse(`Send at most ${FRAMES_PER_TICK_MAX} frames a second.`)
  }
  if (binary) return refuse('Send text frames.')
  const parsed = parseFrame(data.toString('utf8'))
  if (parsed.kind === 'bad') return refuse(parsed.detail)
  if ('taskIds' in parsed.ask) connection.namedInTick += parsed.ask.taskIds.length
  if (connection.namedInTick > NAMED_PER_TICK_MAX) {
    return refuse(
      `Name at most ${NAMED_PER_TICK_MAX} tasks a second; to follow all tasks, send {"type":"subscribe","all":true}.`,
    )
  }
  // A thousand answers to one frame leave in one write; alone, each write takes ten microseconds.
  connection.wire.cork()
  serve(deps, connection, parsed.ask).catch((error: unknown) => {
    deps.log.error(
      { err: error },
      'A WebSocket frame could not be served; the connection is closed',
    )
    close(deps, connection, TRY_AGAIN_LATER, 'gateway failed')
  })
  connection.wire.uncork()
}
