import {
  decideShare,
  type Admitted,
  type Principal,
  type Scope,
  type TenantLimits,
} from '@agentfleet/domain'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { WebSocket } from '@fastify/websocket'
import type { Socket } from 'node:net'
import type { GatewayMetrics } from '../metrics.ts'
import { isRecordTopic, type FleetSubscriptions } from './fleet-subscriptions.ts'
import { afterOf, SUBSCRIPTIONS_MAX, type Ask } from './frames.ts'
import type { NodesSubscriptions } from './nodes.ts'
import type { StatsSubscriptions } from './stats.ts'
import type { Subscriptions, Viewer } from './subscriptions.ts'
import type { TenantSubscriptions } from './tenant-subscriptions.ts'
import type { UnsentBytes } from './unsent.ts'

/** What holds back the frames of a connection until they leave together. */
export type Wire = Pick<Socket, 'cork' | 'uncork'>

/** An open connection. */
export interface Connection {
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

/** What connections follow, and who may follow it. */
export interface StreamDeps {
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

/** Watches of all connections: about 300 bytes each, twice as much with deltas. */
const WATCHES_MAX = 400_000

/** Does what a frame of the client asks for. */
export async function serve(deps: StreamDeps, connection: Connection, ask: Ask): Promise<void> {
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
