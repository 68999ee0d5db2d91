import type {
  DecisionFrame,
  ErrorFrame,
  FleetTopic,
  IncidentFrame,
  NodesFrame,
  StatsFrame,
  SubscribedFrame,
} from '@agentfleet/protocol'
import { ClientError } from './error.ts'
import { openStream, type Endpoint } from './stream.ts'
import type { RequestOptions } from './request.ts'
import { isPassing, pauseAfter, refused } from './watch.ts'

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

/** Options of a follower. */
export interface FollowOptions extends RequestOptions {
  /** Called when a connection broke or could not be opened, once until a connection works again. */
  readonly onAway?: (error: ClientError) => void
}

/** Follows these topics across broken connections, until the signal ends it. */
export async function* followFleet(
  endpoint: Endpoint,
  topics: readonly FollowTopic[],
  { signal, onAway }: FollowOptions = {},
): AsyncGenerator<FollowFrame, void, void> {
  let away = false
  for (let failures = 1; ; failures += 1) {
    let askedS: number | undefined
    signal?.throwIfAborted()
    const stream = openStream(endpoint, signal)
    try {
      await stream.opened
      const fleet = topics.filter((topic) => topic !== 'stats')
      if (fleet.length > 0) stream.send({ type: 'subscribe', fleet })
      if (fleet.length < topics.length) stream.send({ type: 'subscribe', stats: true })
      for await (const frame of stream.frames()) {
        failures = 0
        away = false
        if (frame.type === 'error') throw refused(frame satisfies ErrorFrame)
        if (FOLLOWED.has(frame.type)) yield frame as FollowFrame
      }
    } catch (error) {
      if (!(error instanceof ClientError) || !isPassing(error)) throw error
      askedS = error.retryAfterS
      if (!away) onAway?.(error)
      away = true
    } finally {
      stream.close()
    }
    await pauseAfter(failures, signal, askedS)
  }
}
