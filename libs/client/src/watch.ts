import type {
  ClientFrame,
  DeltaFrame,
  ErrorFrame,
  EventFrame,
  ServerFrame,
} from '@agentfleet/protocol'
import { framesOf, refused, type FollowOptions } from './reconnect.ts'
import type { Endpoint } from './stream.ts'

/**
 * Follows tasks across broken connections. State kept: the last sequence seen of each task that has not
 * ended. Invariant: the events of a task arrive in order, each once, however often connections break.
 */

/** One item of a watch; an error frame names a task that cannot be followed, or no longer. */
export type WatchFrame = EventFrame | DeltaFrame | ErrorFrame

/** Options of a watch. */
export interface WatchOptions extends FollowOptions {
  /** Also yield the output that running attempts stream. */
  readonly deltas?: boolean
  /** Only events above this sequence, for all tasks or for each. */
  readonly after?: number | Readonly<Record<string, number>>
  /** The watch ends with the last error if no connection works for this long; absent: the watch never gives up. */
  readonly awayMaxMs?: number
}

/** Ids and sequences of this many tasks are about 30 kB; a frame may have 64 kB. */
const TASKS_PER_FRAME = 500
const ENDINGS = new Set<string>(['completed', 'failed', 'cancelled'])

/** Follows tasks until all have ended. */
export async function* watchTasks(
  endpoint: Endpoint,
  taskIds: readonly string[],
  options: WatchOptions,
): AsyncGenerator<WatchFrame, void, void> {
  const { deltas = false, after = 0 } = options
  const seen = new Map(
    taskIds.map((id) => [id, typeof after === 'number' ? after : (after[id] ?? 0)]),
  )
  if (seen.size === 0) return
  const frames = framesOf(endpoint, options, (stream) => {
    for (const frame of subscribeFrames(seen, deltas)) stream.send(frame)
  })
  for await (const frame of frames) {
    if (frame.type === 'subscribed') for (const taskId of frame.ended ?? []) seen.delete(taskId)
    if (frame.type === 'error' && frame.taskId === undefined) throw refused(frame)
    if (isNews(seen, frame)) yield frame
    if (seen.size === 0) return
  }
}

function* subscribeFrames(
  seen: ReadonlyMap<string, number>,
  deltas: boolean,
): Generator<ClientFrame> {
  const entries = [...seen]
  for (let from = 0; from < entries.length; from += TASKS_PER_FRAME) {
    const part = entries.slice(from, from + TASKS_PER_FRAME)
    const taskIds = part.map(([taskId]) => taskId)
    yield { type: 'subscribe', taskIds, after: Object.fromEntries(part), deltas }
  }
}

/** Whether the watch yields the frame; notes an event as seen, so that it is news only once. */
function isNews(seen: Map<string, number>, frame: ServerFrame): frame is WatchFrame {
  if (frame.type === 'delta') return seen.has(frame.taskId)
  if (frame.type === 'error') return seen.delete(frame.taskId ?? '')
  if (frame.type !== 'event') return false
  const last = seen.get(frame.taskId)
  if (last === undefined || frame.seq <= last) return false
  if (ENDINGS.has(frame.event.type)) seen.delete(frame.taskId)
  else seen.set(frame.taskId, frame.seq)
  return true
}
