import { createTally, createTurnQueue, isTerminalEvent, type TaskEvent } from '@agentfleet/domain'
import type { StoredEvent, TaskLog } from '@agentfleet/adapters'
import { TASK_ID_PATTERN } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import pLimit from 'p-limit'
import type { DeltaTaps } from './deltas.ts'
import { createOwnQueues } from './own-queues.ts'
import { createTurns, type Turns } from './turns.ts'
import { eventView } from '../tasks/views.ts'

/**
 * Which viewer follows which task, and the last event that each viewer has; a sink of live events (`live.ts`).
 *
 * A watch is one viewer on one task. States: replaying (the log is read up to now; live events only mark that
 * more exists) → live (events are passed on as they arrive) → gone, after the task has ended or the viewer has
 * left. A gap in the live subscription returns a watch to replaying; a log that does not answer leaves it stale
 * until the next sweep.
 *
 * Invariants: a viewer gets the events of a task in the order of `seq`, each once and without gaps (L5); it
 * gets only the tasks of its tenant; a lost live message delays an event by at most HEAL_AFTER_MS (L6).
 */
export type Subscriptions = ReturnType<typeof createSubscriptions>

/** A follower of tasks: one connection. */
export interface Viewer {
  readonly tenant: string
  /** Sends an event without waiting. */
  send(frame: Frame): void
  /** Resolves when the viewer has read nearly all that was sent to it, or is gone. */
  ready(): Promise<void>
  /** Sends a hint; returns false if it was dropped because the viewer is slow. */
  hint(frame: string): boolean
  /** Reports that the watch was refused or ended. */
  refuse(taskId: string, code: string, detail: string): void
  /** Forgets the watch, whose task has ended. */
  forget(taskId: string): void
}

/** The tasks that a viewer wants to follow. */
export interface Wanted {
  readonly taskIds: readonly string[]
  /** Returns the last event of the task that the viewer has. */
  after(taskId: string): number
  readonly deltas: boolean
}

/** A request to follow tasks; it is complete when no such task is left. */
interface Batch {
  left: number
  done(): void
}

/** Hundreds of thousands exist at once, so each is one object without closures and promises. */
interface Watch {
  readonly viewer: Viewer
  readonly taskId: string
  /** The last event that the viewer has. */
  seq: number
  state: 'replaying' | 'live' | 'stale' | 'gone'
  /** Whether a live event arrived during the replay. */
  more: boolean
  /** Whether the task is known to belong to the viewer's tenant. */
  owned: boolean
  readonly deltas: boolean
  tap: ReturnType<DeltaTaps['tap']> | undefined
  /** The request that waits for the first replay. */
  batch: Batch | undefined
}

interface Subscription {
  readonly watches: Map<Viewer, Watch>
  /** When the log or the live subscription last reported on the task, on the monotonic clock. */
  heardAtMs: number
}

/** An encoded event; the viewers of a task share its bytes. */
export type Frame = Buffer

/** Pages of histories read at once: enough to hide the round trip, too few to crowd out submissions. */
const PAGES_MAX = 16
/** Of these, pages of one viewer; another viewer never waits for more than a few. */
const VIEWER_PAGES_MAX = 2
/** Bytes of one page; a viewer that does not read has at most its pages in memory. */
const PAGE_BYTES = 64 * 1024
/** The detail of a refused watch. */
const NOT_FOUND = 'You have no task with this id; check the id.'
/** Milliseconds after which a silent task is looked up, in case its last message was lost. */
const HEAL_AFTER_MS = 15_000
/** The most tasks looked up in one sweep; tenants take turns. */
const SWEEP_MAX = 500

interface SubscriptionDeps {
  readonly taskLog: Pick<TaskLog, 'page' | 'last'>
  readonly deltas: DeltaTaps
  readonly clock: Clock
  readonly log: Logger
}

/** Creates an empty collection of subscriptions. */
export function createSubscriptions(deps: SubscriptionDeps) {
  const { taskLog, deltas, clock } = deps
  const watches = createWatches(deps)
  const { subscriptions, again, end } = watches
  const looks = pLimit(PAGES_MAX)

  async function heal(taskId: string) {
    const subscription = subscriptions.get(taskId)
    if (subscription === undefined) return
    subscription.heardAtMs = clock.monotonicMs()
    const last: StoredEvent | undefined = await taskLog.last(taskId)
    const behind = [...subscription.watches.values()].filter(
      ({ state, seq }) => state === 'stale' || last === undefined || last.seq > seq,
    )
    again(behind)
  }

  return {
    count: () => subscriptions.size,
    /** Returns the number of watches of all viewers, and of those of this tenant. */
    held: watches.held,
    /**
     * Replays the events of these tasks behind those that the viewer has, then follows the tasks; resolves when
     * all replays are complete.
     */
    async watch(viewer: Viewer, wanted: Wanted): Promise<void> {
      const known = wanted.taskIds.filter((taskId) => TASK_ID_PATTERN.test(taskId))
      for (const taskId of wanted.taskIds) {
        if (TASK_ID_PATTERN.test(taskId)) continue
        viewer.refuse(taskId, 'task-not-found', NOT_FOUND)
        viewer.forget(taskId)
      }
      if (known.length === 0) return
      await new Promise<void>((done) => {
        const batch = { left: known.length, done }
        for (const taskId of known) watches.add(viewer, taskId, wanted, batch)
      })
    },
    unwatch(viewer: Viewer, taskId: string): void {
      const watch = subscriptions.get(taskId)?.watches.get(viewer)
      if (watch !== undefined) watches.remove(watch)
    },
    wants: (taskId: string) => subscriptions.has(taskId),
    deliver(taskId: string, event: TaskEvent, seq: number): void {
      const subscription = subscriptions.get(taskId)
      if (subscription === undefined) return
      subscription.heardAtMs = clock.monotonicMs()
      if ('attempt' in event) deltas.attemptSeen(taskId, event.attempt)
      const frame = eventFrame(taskId, event, seq)
      for (const watch of subscription.watches.values()) {
        if (watch.state === 'replaying') watch.more = true
        if (watch.state !== 'live' || seq <= watch.seq) continue
        watch.seq = seq
        watch.viewer.send(frame)
        if (isTerminalEvent(event)) end(watch)
      }
    },
    missed(): void {
      for (const subscription of subscriptions.values()) again(subscription.watches.values())
    },
    /** Looks for lost live events; call it periodically. */
    async sweep(): Promise<void> {
      const beforeMs = clock.monotonicMs() - HEAL_AFTER_MS
      const silent = silentTasks(subscriptions, beforeMs)
      const healed: Promise<void>[] = []
      while (healed.length < SWEEP_MAX) {
        const taskId = silent.take()?.entry
        if (taskId === undefined) break
        healed.push(looks(() => heal(taskId)))
      }
      await Promise.all(healed)
    },
  }
}

/** Creates the watches, at first none; each one starts with its replay. */
function createWatches(deps: SubscriptionDeps) {
  const { deltas, clock, log } = deps
  const subscriptions = new Map<string, Subscription>()
  // A slow viewer costs only itself: a place here is taken for the time of one read, never while a viewer is
  // waited for.
  const turns = createTurns<Viewer>(PAGES_MAX, clock.monotonicMs)
  const replays = createOwnQueues<Viewer, Watch>(VIEWER_PAGES_MAX, replay)
  const perTenant = createTally()

  function remove(watch: Watch) {
    if (watch.state === 'gone') return
    watch.state = 'gone'
    perTenant.add(watch.viewer.tenant, -1)
    replays.remove(watch.viewer, watch)
    watch.tap?.close()
    settle(watch)
    const subscription = subscriptions.get(watch.taskId)
    subscription?.watches.delete(watch.viewer)
    if (subscription?.watches.size === 0) subscriptions.delete(watch.taskId)
  }

  function end(watch: Watch) {
    remove(watch)
    watch.viewer.forget(watch.taskId)
  }

  async function replay(watch: Watch): Promise<void> {
    watch.more = false
    // A delta may overtake the replay but never reaches a viewer that may not see the task.
    if (watch.deltas && watch.tap === undefined) {
      const { viewer } = watch
      watch.tap = deltas.tap(watch.taskId, (frame) => watch.state === 'live' && viewer.hint(frame))
    }
    try {
      if ((await replayPages(deps, turns, subscriptions, watch)) === 'ended') return end(watch)
      if (isOver(watch)) return
      // No await since the last check of `more`, so no event can arrive in between.
      if (watch.more) return replays.add(watch.viewer, watch)
      watch.state = 'live'
    } catch (error) {
      log.warn(
        { err: error, taskId: watch.taskId },
        'The gateway could not read the history of a task for a subscription; it tries again',
      )
      if (!isOver(watch)) watch.state = 'stale'
    }
    settle(watch)
  }

  function again(watches: Iterable<Watch>) {
    for (const watch of watches) {
      if (watch.state === 'replaying') watch.more = true
      if (watch.state === 'live' || watch.state === 'stale') start(watch)
    }
  }

  function start(watch: Watch) {
    watch.state = 'replaying'
    replays.add(watch.viewer, watch)
  }

  function add(viewer: Viewer, taskId: string, wanted: Wanted, batch: Batch) {
    const subscription = subscriptions.get(taskId) ?? {
      watches: new Map<Viewer, Watch>(),
      heardAtMs: clock.monotonicMs(),
    }
    const earlier = subscription.watches.get(viewer)
    if (earlier !== undefined) remove(earlier)
    subscriptions.set(taskId, subscription)
    const watch = watchOf(viewer, taskId, wanted, batch)
    subscription.watches.set(viewer, watch)
    perTenant.add(viewer.tenant, 1)
    start(watch)
  }

  const held = (tenant: string) => ({ used: perTenant.total(), own: perTenant.of(tenant) })

  return { subscriptions, held, add, remove, end, again }
}

/** Tells the request behind the watch that it no longer waits for it. */
function settle(watch: Watch) {
  const { batch } = watch
  watch.batch = undefined
  if (batch === undefined) return
  batch.left -= 1
  if (batch.left === 0) batch.done()
}

/**
 * Sends what the log holds behind the last event that the viewer has, page by page; `ended`: nothing will follow,
 * because the task has ended or the viewer may not see it.
 */
async function replayPages(
  { taskLog, clock }: SubscriptionDeps,
  turns: Turns<Viewer>,
  subscriptions: ReadonlyMap<string, Subscription>,
  watch: Watch,
): Promise<'ended' | 'read'> {
  const { viewer, taskId } = watch
  const from = watch.seq
  for (;;) {
    await viewer.ready()
    if (watch.state !== 'replaying') return 'read'
    const { events, complete } = await turns.run(viewer, () =>
      taskLog.page(taskId, watch.seq, PAGE_BYTES),
    )
    if (!watch.owned) {
      const readFirst = () => taskLog.page(taskId, 0, 1)
      const [first] = watch.seq === 0 ? events : (await turns.run(viewer, readFirst)).events
      watch.owned = first?.event.type === 'submitted' && first.event.tenant === viewer.tenant
    }
    if (isOver(watch)) return 'read'
    if (!watch.owned) {
      viewer.refuse(taskId, 'task-not-found', NOT_FOUND)
      return 'ended'
    }
    const subscription = subscriptions.get(taskId)
    if (subscription !== undefined) subscription.heardAtMs = clock.monotonicMs()
    for (const { event, seq } of events) {
      watch.seq = seq
      const frame = eventFrame(taskId, event, seq)
      turns.count(viewer, frame.length)
      viewer.send(frame)
      // Sending may have ended the connection.
      if (isOver(watch)) return 'read'
    }
    const last = events.at(-1) ?? (watch.seq === from ? await taskLog.last(taskId) : undefined)
    // It was stored after the page was read, so it may be the end, which the viewer must get (L5).
    if (last !== undefined && last.seq > watch.seq) continue
    if (last !== undefined && isTerminalEvent(last.event)) return 'ended'
    if (complete) return 'read'
  }
}

function watchOf(viewer: Viewer, taskId: string, wanted: Wanted, batch: Batch): Watch {
  return {
    viewer,
    taskId,
    seq: wanted.after(taskId),
    state: 'replaying',
    more: false,
    owned: false,
    deltas: wanted.deltas,
    tap: undefined,
    batch,
  }
}

/** Returns the tasks that have been silent since this time, or whose log did not answer; tenants take turns. */
function silentTasks(subscriptions: ReadonlyMap<string, Subscription>, beforeMs: number) {
  const silent = createTurnQueue<string>()
  for (const [taskId, { watches, heardAtMs }] of subscriptions) {
    const [viewer] = watches.keys()
    const stale = [...watches.values()].some(({ state }) => state === 'stale')
    if (viewer === undefined || (!stale && heardAtMs >= beforeMs)) continue
    if (silent.sizeOf(viewer.tenant) < SWEEP_MAX) silent.add(viewer.tenant, taskId)
  }
  return silent
}

function isOver({ state }: Watch): boolean {
  return state !== 'replaying'
}

/** Encodes an event as a frame of the stream. */
export function eventFrame(taskId: string, event: TaskEvent, seq: number): Frame {
  return encode({ type: 'event', taskId, seq, event: eventView(event) })
}

/** Encodes a frame of the stream. */
export function encode(frame: object): Frame {
  return Buffer.from(JSON.stringify(frame))
}
