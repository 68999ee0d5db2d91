import type {
  DecisionFrame,
  FleetTopic,
  IncidentFrame,
  NodesFrame,
  StatsFrame,
  SubscribedFrame,
} from '@agentfleet/protocol'
import { framesOf, refused, type FollowOptions } from './reconnect.ts'
import type { Endpoint } from './stream.ts'

/**
 * One item of a stream of decisions and incidents. Each `subscribed` begins a connection: items recorded
 * before it may be missing here; the listings have them.
 */
export type FollowFrame = DecisionFrame | IncidentFrame | NodesFrame | StatsFrame | SubscribedFrame

/** A topic that a client can follow in addition to tasks: records and nodes of the fleet, and numbers. */
export type FollowTopic = FleetTopic | 'stats'

const FOLLOWED: ReadonlySet<string> = new Set([
  'decision',
  'incident',
  'nodes',
  'stats',
  'subscribed',
])

/** Follows these topics across broken connections, until the signal ends it. */
export async function* followFleet(
  endpoint: Endpoint,
  topics: readonly FollowTopic[],
  options: FollowOptions,
): AsyncGenerator<FollowFrame, void, void> {
  const fleet = topics.filter((topic) => topic !== 'stats')
  const frames = framesOf(endpoint, options, (stream) => {
    if (fleet.length > 0) stream.send({ type: 'subscribe', fleet })
    if (fleet.length < topics.length) stream.send({ type: 'subscribe', stats: true })
  })
  for await (const frame of frames) {
    if (frame.type === 'error') throw refused(frame)
    if (FOLLOWED.has(frame.type)) yield frame as FollowFrame
  }
}
