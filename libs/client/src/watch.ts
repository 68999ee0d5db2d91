import type { ClientFrame, DeltaFrame, ErrorFrame, EventFrame } from '@agentfleet/protocol'
import { setTimeout as delay } from 'node:timers/promises'
import { ClientError } from './error.ts'
import { openStream, type Endpoint } from './stream.ts'

/**
 * Follows tasks across broken connections. State kept: the last sequence seen of each task that has not
 * ended. Invariant: the events of a task arrive in order, each once, however often connections break.
 */

/** One item of a watch; an error frame names a task that cannot be followed, or no longer. */
export type WatchFrame = EventFrame | DeltaFrame | ErrorFrame

/** Options of a watch. */
export interface WatchOptions {
  /** Also yield the output that running attempts stream. */
  readonly deltas?: boolean
  /** Only events above this sequence, for all tasks or for each. */
  readonly after?: number | Readonly<Record<string, number>>
  /** Ends the watch with the signal's reason. */
  readonly signal?: AbortSignal
  /** The watch ends with the last error if no connection works for this long; absent: the watch never gives up. */
  readonly awayMaxMs?: number
  /** Called when a connection broke or could not be opened, once until a connection works again. */
  readonly onAway?: (error: ClientError) => void
}

const RECONNECT_MIN_MS = 100
/** A longer wait needs a person; a timer of days would run at once. */
const ASKED_MAX_S = 300
/** Long enough not to overload a gateway that starts, short enough for a person who waits. */
const RECONNECT_MAX_MS = 5_000
/** Ids and sequences of this many tasks are about 30 kB; a frame may have 64 kB. */
const TASKS_PER_FRAME = 500
const ENDINGS = new Set<string>(['completed', 'failed', 'cancelled'])
/** Refusals that a later connection may not get. */
const PASSING = new Set([0, 429, 502, 503, 504])

/** Follows tasks until all have ended. */
export async function* watchTasks(
  endpoint: Endpoint,
  taskIds: readonly string[],
  options: WatchOptions,
): AsyncGenerator<WatchFrame, void, void> {
  const { deltas = false, after = 0, signal, awayMaxMs = Infinity, onAway } = options
  const seen = new Map(
    taskIds.map((id) => [id, typeof after === 'number' ? after : (after[id] ?? 0)]),
  )
  let failures = 0
  let awaySinceMs: number | undefined
  while (seen.size > 0) {
    let askedS: number | undefined
    signal?.throwIfAborted()
    const stream = openStream(endpoint, signal)
    try {
      await stream.opened
      for (const frame of subscribeFrames(seen, deltas)) stream.send(frame)
      for await (const frame of stream.frames()) {
        failures = 0
        awaySinceMs = undefined
        if (frame.type === 'pong' || frame.type === 'stats') continue
        if (frame.type === 'decision' || frame.type === 'incident' || frame.type === 'nodes')
          continue
        if (frame.type === 'subscribed') {
          for (const taskId of frame.ended ?? []) seen.delete(taskId)
          if (seen.size === 0) return
          continue
        }
        if (frame.type === 'error' && frame.taskId === undefined) throw refused(frame)
        if (!note(seen, frame)) continue
        yield frame
        if (seen.size === 0) return
      }
    } catch (error) {
      if (!(error instanceof ClientError) || !isPassing(error)) throw error
      askedS = error.retryAfterS
      if (awaySinceMs === undefined) onAway?.(error)
      awaySinceMs ??= performance.now()
      if (performance.now() - awaySinceMs > awayMaxMs) throw error
    } finally {
      stream.close()
    }
    failures += 1
    await pauseAfter(failures, signal, askedS)
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

/** Notes an event as seen; false when it was seen before. */
function note(seen: Map<string, number>, frame: WatchFrame): boolean {
  if (frame.type === 'delta') return seen.has(frame.taskId)
  if (frame.type === 'error') return seen.delete(frame.taskId ?? '')
  const last = seen.get(frame.taskId)
  if (last === undefined || frame.seq <= last) return false
  if (ENDINGS.has(frame.event.type)) seen.delete(frame.taskId)
  else seen.set(frame.taskId, frame.seq)
  return true
}

/** Whether a later connection may succeed after this refusal. */
export function isPassing({ status }: ClientError): boolean {
  return PASSING.has(status)
}

/** A refusal of the stream as an error. */
export function refused({ code, detail }: ErrorFrame): ClientError {
  return new ClientError({
    type: `urn:agentfleet:problem:${code}`,
    title: 'The stream refused the subscription',
    status: 400,
    detail,
    code,
  })
}

/**
 * Waits as long as the gateway has asked for, or longer. Half of the pause is random, so that the clients of a restarted
 * gateway do not return all at once.
 */
export async function pauseAfter(
  failures: number,
  signal: AbortSignal | undefined,
  askedS = 0,
): Promise<void> {
  const fullMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** Math.min(failures, 10))
  const ms = fullMs / 2 + (Math.random() * fullMs) / 2 + Math.min(ASKED_MAX_S, askedS) * 1_000
  // An abort ends the pause; the caller then throws the reason.
  await delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined)
}
