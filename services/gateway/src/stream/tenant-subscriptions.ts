import { isTerminalEvent, type TaskEvent } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'
import { eventFrame, type Viewer } from './subscriptions.ts'
import type { LiveSink } from './live.ts'
import type { Reader } from '../tasks/reads.ts'

/**
 * The viewers that follow every task of their tenant, live only.
 *
 * Only the first event of a task names its tenant. This module therefore keeps the tenants of
 * recent tasks (OWNERS_MAX, oldest out first) and looks up the tenants of other tasks; the events
 * of a task wait in order for that. Invariants: a viewer gets no event of another tenant; at most
 * LOOKUPS_MAX tasks are looked up at once; at most EVENTS_HELD_MAX events wait for each, and
 * HELD_MAX_BYTES for all (L7). Beyond that, viewers get an error that says that they missed events.
 */
export interface TenantSubscriptions extends LiveSink {
  follow(viewer: Viewer): void
  unfollow(viewer: Viewer): void
}

const OWNERS_MAX = 100_000
const LOOKUPS_MAX = 256
const EVENTS_HELD_MAX = 64
/** A look-up takes milliseconds, and an event has up to 1 MiB. */
const HELD_MAX_BYTES = 16 * 1024 * 1024

interface Held {
  readonly events: { readonly event: TaskEvent; readonly seq: number }[]
  bytes: number
}

/** Creates the subscriptions, without viewers. With a single tenant it looks nothing up. */
export function createTenantSubscriptions(deps: {
  reader: Pick<Reader, 'load'>
  onlyTenant: string | undefined
  log: Logger
}): TenantSubscriptions {
  const { reader, onlyTenant, log } = deps
  const viewers = new Set<Viewer>()
  const owners = new Map<string, string>()
  const lookups = new Map<string, Held>()
  let heldBytes = 0

  /** Keeps an event until its task is looked up, if there is room. */
  function keep(held: Held, event: TaskEvent, seq: number, bytes: number) {
    if (held.events.length >= EVENTS_HELD_MAX || heldBytes + bytes > HELD_MAX_BYTES) {
      return tellGap()
    }
    held.events.push({ event, seq })
    held.bytes += bytes
    heldBytes += bytes
  }

  function ownerOf(taskId: string, event: TaskEvent): string | undefined {
    if (onlyTenant !== undefined) return onlyTenant
    if (event.type !== 'submitted') return owners.get(taskId)
    owners.set(taskId, event.tenant)
    if (owners.size > OWNERS_MAX) {
      const [oldest] = owners.keys()
      if (oldest !== undefined) owners.delete(oldest)
    }
    return event.tenant
  }

  function pass(owner: string, taskId: string, event: TaskEvent, seq: number) {
    if (isTerminalEvent(event)) owners.delete(taskId)
    const frame = eventFrame(taskId, event, seq)
    for (const viewer of viewers) if (viewer.tenant === owner) viewer.send(frame)
  }

  function tellGap() {
    for (const viewer of viewers) {
      viewer.refuse(
        '',
        'events-missed',
        'The stream missed some events. List the tasks to read their present states.',
      )
    }
  }

  async function lookUp(taskId: string, held: Held) {
    try {
      const owner = (await reader.load(taskId))?.tenant
      if (owner === undefined) return
      owners.set(taskId, owner)
      for (const { event, seq } of held.events) pass(owner, taskId, event, seq)
    } catch (error) {
      log.warn(
        { err: error, taskId },
        'The gateway could not find out the tenant of a task; it does not stream the events of the task',
      )
      tellGap()
    } finally {
      heldBytes -= held.bytes
      lookups.delete(taskId)
    }
  }

  return {
    follow: (viewer) => void viewers.add(viewer),
    unfollow: (viewer) => void viewers.delete(viewer),
    wants: () => viewers.size > 0,
    deliver(taskId, event, seq, bytes) {
      // Results of calls belong to the task's own history, not to its status.
      if (viewers.size === 0 || event.type === 'call-finished') return
      const held = lookups.get(taskId)
      if (held !== undefined) return keep(held, event, seq, bytes)
      const owner = ownerOf(taskId, event)
      if (owner !== undefined) return pass(owner, taskId, event, seq)
      if (lookups.size >= LOOKUPS_MAX) return tellGap()
      const first: Held = { events: [], bytes: 0 }
      lookups.set(taskId, first)
      keep(first, event, seq, bytes)
      void lookUp(taskId, first)
    },
    missed: () => tellGap(),
  }
}
