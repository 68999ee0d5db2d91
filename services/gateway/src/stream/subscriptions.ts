import { isTerminalEvent, type TaskEvent } from '@agentfleet/domain'
import type { StoredEvent, TaskLog } from '@agentfleet/adapters'
import { TASK_ID_PATTERN } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { DeltaTap, DeltaTaps } from './deltas.ts'
import { createGate } from './concurrency.ts'
import type { LiveSink } from './live.ts'
import { eventView } from '../tasks/views.ts'

/**
 * Who follows which task, and up to which event each has seen it.
 *
 * A watch is one viewer on one task. States: replaying (the log is read up to now; live events only
 * say that there is more) → live (events are passed on as they come) → gone, after the ending of the
 * task or when the viewer leaves. A gap in the live feed sends it back to replaying; a log that does
 * not answer leaves it stale until the next sweep.
 *
 * Invariants: a viewer gets the events of a task in the order of `seq`, each once, without gaps (L5);
 * only of its own tenant; a lost live message delays an event by HEAL_AFTER_MS at most (L6).
 */
export interface Feeds extends LiveSink {
  /** Replays what came after `after`, then follows; resolves when the replay is done. */
  watch(viewer: Viewer, taskId: string, after: number, deltas: boolean): Promise<void>
  unwatch(viewer: Viewer, taskId: string): void
  /** Looks for events that were lost on the way; to be called again and again. */
  sweep(): Promise<void>
  count(): number
}

/** Whoever follows tasks: one connection. */
export interface Viewer {
  readonly tenant: string
  /** Sends an event; never waits. */
  send(frame: string): void
  /** Sends an event of the past and resolves when there is room for the next one. */
  sendPatiently(frame: string): Promise<void>
  /** Sends a hint, or drops it when the viewer is slow. */
  hint(frame: string): void
  /** Says that the watch could not be, or was ended. */
  refuse(taskId: string, code: string, detail: string): void
  /** The watch has ended with its task. */
  forget(taskId: string): void
}

interface Watch {
  readonly viewer: Viewer
  readonly taskId: string
  /** The last event the viewer has got. */
  seq: number
  state: 'replaying' | 'live' | 'stale' | 'gone'
  /** Something came while replaying. */
  more: boolean
  tap: DeltaTap | undefined
}

interface Feed {
  readonly watches: Map<Viewer, Watch>
  /** When the log or the live feed was last heard of it, on the monotonic clock. */
  heardAtMs: number
}

/** Histories read at once: enough to hide the round trip, too few to crowd out submissions. */
const REPLAYS_MAX = 16
/** A silent task is looked up this often, in case its last message was lost. */
const HEAL_AFTER_MS = 15_000
/** Tasks looked up in one sweep. */
const SWEEP_MAX = 500

/** No watches. */
export function createFeeds(deps: {
  taskLog: Pick<TaskLog, 'history' | 'last'>
  deltas: DeltaTaps
  clock: Clock
  log: Logger
}): Feeds {
  const { taskLog, deltas, clock, log } = deps
  const feeds = new Map<string, Feed>()
  const gate = createGate(REPLAYS_MAX)

  function remove(watch: Watch) {
    if (watch.state === 'gone') return
    watch.state = 'gone'
    watch.tap?.close()
    const feed = feeds.get(watch.taskId)
    feed?.watches.delete(watch.viewer)
    if (feed?.watches.size === 0) feeds.delete(watch.taskId)
  }

  function end(watch: Watch) {
    remove(watch)
    watch.viewer.forget(watch.taskId)
  }

  async function replay(watch: Watch) {
    watch.state = 'replaying'
    try {
      do {
        watch.more = false
        await gate.run(() => replayOnce(watch))
      } while (watch.more && watch.state === 'replaying')
      // Nothing is awaited since the last look at `more`: no event can slip in between.
      if (watch.state === 'replaying') watch.state = 'live'
    } catch (error) {
      log.warn({ err: error, taskId: watch.taskId }, 'a replay failed; the next sweep repeats it')
      if (watch.state === 'replaying') watch.state = 'stale'
    }
  }

  async function replayOnce(watch: Watch) {
    if (watch.state === 'gone') return
    const history = await taskLog.history(watch.taskId)
    if (watch.state !== 'replaying') return
    const first = history[0]?.event
    if (first?.type !== 'submitted' || first.tenant !== watch.viewer.tenant) {
      watch.viewer.refuse(watch.taskId, 'task-not-found', 'There is no task with this id.')
      end(watch)
      return
    }
    const feed = feeds.get(watch.taskId)
    if (feed !== undefined) feed.heardAtMs = clock.monotonicMs()
    for (const { event, seq } of history) {
      if (seq <= watch.seq) continue
      watch.seq = seq
      await watch.viewer.sendPatiently(eventFrame(watch.taskId, event, seq))
      if (watch.state !== 'replaying') return
    }
    if (history.some(({ event }) => isTerminalEvent(event))) end(watch)
  }

  /** Reads the log again for these, without waiting for it; `replay` handles its own errors. */
  function again(watches: Iterable<Watch>) {
    for (const watch of watches) {
      if (watch.state === 'replaying') watch.more = true
      if (watch.state === 'live' || watch.state === 'stale') void replay(watch)
    }
  }

  async function heal(taskId: string, feed: Feed) {
    feed.heardAtMs = clock.monotonicMs()
    const last: StoredEvent | undefined = await taskLog.last(taskId)
    const behind = [...feed.watches.values()].filter(
      ({ state, seq }) => state === 'stale' || last === undefined || last.seq > seq,
    )
    again(behind)
  }

  return {
    count: () => feeds.size,
    async watch(viewer, taskId, after, wantsDeltas) {
      if (!TASK_ID_PATTERN.test(taskId)) {
        viewer.refuse(taskId, 'task-not-found', 'There is no task with this id.')
        viewer.forget(taskId)
        return
      }
      const feed = feeds.get(taskId) ?? { watches: new Map(), heardAtMs: clock.monotonicMs() }
      const earlier = feed.watches.get(viewer)
      if (earlier !== undefined) remove(earlier)
      feeds.set(taskId, feed)
      const watch: Watch = {
        viewer,
        taskId,
        seq: after,
        state: 'replaying',
        more: false,
        tap: undefined,
      }
      feed.watches.set(viewer, watch)
      // A hint may overtake the replay, but never reaches a viewer that may not see the task.
      if (wantsDeltas) {
        watch.tap = deltas.tap(taskId, (frame) => watch.state === 'live' && viewer.hint(frame))
      }
      await replay(watch)
    },
    unwatch(viewer, taskId) {
      const watch = feeds.get(taskId)?.watches.get(viewer)
      if (watch !== undefined) remove(watch)
    },
    wants: (taskId) => feeds.has(taskId),
    deliver(taskId, event, seq) {
      const feed = feeds.get(taskId)
      if (feed === undefined) return
      feed.heardAtMs = clock.monotonicMs()
      if ('attempt' in event) deltas.attemptSeen(taskId, event.attempt)
      const frame = eventFrame(taskId, event, seq)
      for (const watch of feed.watches.values()) {
        if (watch.state === 'replaying') watch.more = true
        if (watch.state !== 'live' || seq <= watch.seq) continue
        watch.seq = seq
        watch.viewer.send(frame)
        if (isTerminalEvent(event)) end(watch)
      }
    },
    missed() {
      for (const feed of feeds.values()) again(feed.watches.values())
    },
    async sweep() {
      const beforeMs = clock.monotonicMs() - HEAL_AFTER_MS
      const silent: [string, Feed][] = []
      for (const [taskId, feed] of feeds) {
        const stale = [...feed.watches.values()].some(({ state }) => state === 'stale')
        if (stale || feed.heardAtMs < beforeMs) silent.push([taskId, feed])
        if (silent.length >= SWEEP_MAX) break
      }
      await Promise.all(silent.map(([taskId, feed]) => gate.run(() => heal(taskId, feed))))
    },
  }
}

/** An event as a frame of the stream. */
export function eventFrame(taskId: string, event: TaskEvent, seq: number): string {
  return JSON.stringify({ type: 'event', taskId, seq, event: eventView(event) })
}
