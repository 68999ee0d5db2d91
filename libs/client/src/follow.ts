import type {
  DecisionFrame,
  ErrorFrame,
  FleetTopic,
  IncidentFrame,
  NodesFrame,
  SubscribedFrame,
} from '@agentfleet/protocol'
import { ClientError } from './error.ts'
import { openStream, type Endpoint } from './stream.ts'
import { isPassing, pauseAfter, refused } from './watch.ts'

/**
 * One item of a stream of decisions and incidents. Each `subscribed` begins a connection: items recorded
 * before it may be missing here; the listings have them.
 */
export type FollowFrame = DecisionFrame | IncidentFrame | NodesFrame | SubscribedFrame

const FOLLOWED: ReadonlySet<string> = new Set(['decision', 'incident', 'nodes', 'subscribed'])

/** Follows decisions, incidents or both across broken connections, until the signal ends it. */
export async function* followFleet(
  endpoint: Endpoint,
  topics: readonly FleetTopic[],
  signal?: AbortSignal,
): AsyncGenerator<FollowFrame, void, void> {
  for (let failures = 1; ; failures += 1) {
    signal?.throwIfAborted()
    const stream = openStream(endpoint, signal)
    try {
      await stream.opened
      stream.send({ type: 'subscribe', fleet: [...topics] })
      for await (const frame of stream.frames()) {
        failures = 0
        if (frame.type === 'error') throw refused(frame satisfies ErrorFrame)
        if (FOLLOWED.has(frame.type)) yield frame as FollowFrame
      }
    } catch (error) {
      if (!(error instanceof ClientError) || !isPassing(error)) throw error
    } finally {
      stream.close()
    }
    await pauseAfter(failures, signal)
  }
}
