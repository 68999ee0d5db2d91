import { createOwnedMap, decideShare, isTerminalEvent, type TaskEvent } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'
import pLimit from 'p-limit'
import { eventFrame, type Viewer } from './subscriptions.ts'
import type { Reader } from '../tasks/reads.ts'

/**
 * The viewers that follow every task of their tenant, live only; a sink of live events (`live.ts`).
 *
 * Only the first event of a task names its tenant. This module therefore keeps the tenants of
 * OWNERS_MAX recent tasks and looks up the tenants of other tasks; the events of a task wait in
 * order for that. Invariants: a viewer gets no event of another tenant; no tenant makes this
 * module forget tasks of a tenant that has fewer; at most LOOKUPS_MAX tasks are looked up at
 * once, and LOOKUPS_WAITING_MAX wait for that; at most EVENTS_HELD_MAX events wait for each, and
 * HELD_MAX_BYTES for all, of which no task takes the last room (L7). For an event beyond that, the viewers of its
 * tenant get an error that says that they missed events, and so they do for each of UNKNOWN_MAX further tasks. All
 * viewers get it if even these are too many, or if a tenant cannot be looked up: once when this begins and once when
 * it ends, so that the tasks of one tenant never fill the connections of another.
 */
export type TenantSubscriptions = ReturnType<typeof createTenantSubscriptions>

/** About 300 bytes each. */
const OWNERS_MAX = 100_000
const LOOKUPS_MAX = 256
/** About 1,000 bytes each, without their events. */
const LOOKUPS_WAITING_MAX = 10_000
const EVENTS_HELD_MAX = 64
/** A look-up takes milliseconds, and an event has up to 1 MiB. */
const HELD_MAX_BYTES = 16 * 1024 * 1024
/** Tasks that found no place among those that are looked up, about 100 bytes each. */
const UNKNOWN_MAX = 50_000
/** Look-ups of owners share turns: their tenants are what they look up. */
const NO_TENANT = ''
/** What viewers get instead of events. */
const MISSED = 'The stream missed some events. List the tasks to read their present states.'

interface Held {
  readonly events: { readonly event: TaskEvent; readonly seq: number }[]
  bytes: number
  /** An event found no room. */
  missed: boolean
}

/** Creates the subscriptions, without viewers. With a single tenant it looks nothing up. */
export function createTenantSubscriptions(deps: {
  reader: Pick<Reader, 'load'>
  onlyTenant: string | undefined
  log: Logger
}) {
  const { reader, onlyTenant, log } = deps
  const viewers = createTenantViewers<Viewer>()
  const tellGap = (owner: string): void => {
    for (const viewer of viewers.of(owner)) viewer.refuse('', 'events-missed', MISSED)
  }
  const tellAllGap = (): void => {
    for (const owner of viewers.tenants()) tellGap(owner)
  }
  const unknown = createUnknownTasks(tellAllGap)
  const owners = createOwnedMap<string>(OWNERS_MAX)
  /** The tasks that are looked up, or wait for that. */
  const lookups = new Map<string, Held>()
  const limit = pLimit(LOOKUPS_MAX)
  let heldBytes = 0

  /** Keeps an event until its task is looked up, if there is room. */
  function keep(held: Held, event: TaskEvent, seq: number, bytes: number) {
    const share = { capacity: HELD_MAX_BYTES, used: heldBytes, own: held.bytes, ask: bytes }
    // The owner of the other tasks is not known, so each task counts as one.
    const isFull = decideShare({ ...share, tenants: 2 }).kind === 'refuse'
    if (isFull || held.events.length >= EVENTS_HELD_MAX) return void (held.missed = true)
    held.events.push({ event, seq })
    held.bytes += bytes
    heldBytes += bytes
  }

  function ownerOf(taskId: string, event: TaskEvent): string | undefined {
    if (onlyTenant !== undefined) return onlyTenant
    if (event.type !== 'submitted') return owners.get(taskId)
    owners.set(event.tenant, taskId, event.tenant)
    return event.tenant
  }

  function pass(owner: string, taskId: string, event: TaskEvent, seq: number) {
    if (isTerminalEvent(event)) owners.delete(taskId)
    const following = viewers.of(owner)
    if (following.size === 0) return
    const frame = eventFrame(taskId, event, seq)
    for (const viewer of following) viewer.send(frame)
  }

  async function lookUp(taskId: string, held: Held) {
    try {
      const owner = (await reader.load(taskId, NO_TENANT))?.tenant
      if (owner === undefined) return
      owners.set(owner, taskId, owner)
      for (const { event, seq } of held.events) pass(owner, taskId, event, seq)
      if (held.missed) tellGap(owner)
    } catch (error) {
      log.warn(
        { err: error, taskId },
        'The gateway could not find out the tenant of a task; it does not stream the events of the task',
      )
      unknown.lost()
    } finally {
      heldBytes -= held.bytes
      lookups.delete(taskId)
      while (lookups.size < LOOKUPS_MAX) {
        const next = unknown.take()
        if (next === undefined) break
        begin(next, true)
      }
      unknown.settle(lookups.size <= LOOKUPS_MAX)
    }
  }

  /** Looks a task up when its turn comes; `missed`: the stream has dropped an event of the task. */
  function begin(taskId: string, missed: boolean): Held {
    const held: Held = lookups.get(taskId) ?? { events: [], bytes: 0, missed }
    held.missed ||= missed
    if (lookups.has(taskId)) return held
    lookups.set(taskId, held)
    void limit(lookUp, taskId, held)
    return held
  }

  return {
    follow: viewers.follow,
    unfollow: viewers.unfollow,
    wants: viewers.some,
    deliver(taskId: string, event: TaskEvent, seq: number, bytes: number): void {
      // Results of calls belong to the task's own history, not to its status.
      if (!viewers.some() || event.type === 'call-finished') return
      const held = lookups.get(taskId)
      if (held !== undefined) return keep(held, event, seq, bytes)
      const owner = ownerOf(taskId, event)
      if (owner !== undefined) return pass(owner, taskId, event, seq)
      if (lookups.size >= LOOKUPS_MAX + LOOKUPS_WAITING_MAX) return unknown.add(taskId)
      keep(begin(taskId, false), event, seq, bytes)
    },
    missed: tellAllGap,
  }
}

/** Creates the tasks that found no place among the look-ups, at first none; they are looked up later. */
function createUnknownTasks(tellAllGap: () => void) {
  const known = new Set<string>()
  const tasks: string[] = []
  let told = false
  let untold = false

  /** Events were lost, and it cannot be known whose. */
  function lost(): void {
    if (told) untold = true
    else tellAllGap()
    told = true
  }
  return {
    lost,
    add(taskId: string): void {
      if (known.has(taskId)) return
      if (tasks.length >= UNKNOWN_MAX) return lost()
      known.add(taskId)
      tasks.push(taskId)
    },
    take(): string | undefined {
      const taskId = tasks.pop()
      if (taskId !== undefined) known.delete(taskId)
      return taskId
    },
    /** Tells the viewers about what was lost since the last error, when there is room again. */
    settle(isCalm: boolean): void {
      if (!told || !isCalm || tasks.length > UNKNOWN_MAX / 2) return
      if (untold) tellAllGap()
      told = false
      untold = false
    },
  }
}

/** Creates the viewers by their tenant, at first none. */
export function createTenantViewers<V extends Pick<Viewer, 'tenant'>>() {
  const viewers = new Map<string, Set<V>>()
  const none: ReadonlySet<V> = new Set()
  return {
    some: () => viewers.size > 0,
    tenants: () => viewers.keys(),
    of: (tenant: string): ReadonlySet<V> => viewers.get(tenant) ?? none,
    follow(viewer: V): void {
      const following = viewers.get(viewer.tenant) ?? new Set()
      viewers.set(viewer.tenant, following.add(viewer))
    },
    unfollow(viewer: V): void {
      const following = viewers.get(viewer.tenant)
      if (following?.delete(viewer) && following.size === 0) viewers.delete(viewer.tenant)
    },
  }
}
