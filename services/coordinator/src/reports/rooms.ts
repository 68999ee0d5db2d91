import type { Report, ReportItem } from '@agentfleet/protocol'
import { createRoom, type Room } from './room.ts'

/** The reports of a message; undefined stands for one that cannot be read. */
type Items = Report['items']

/** The reports of one message, from their arrival to their answer. */
export interface Visit {
  /** Whether the tenant of this report has room for it. */
  admits(item: ReportItem): boolean
  /** Takes room for the history of a task that begins. */
  reserve(item: ReportItem): boolean
  leave(): void
}

interface RoomsDeps {
  /** The tenant of a report, if the node may report for the task and the task is known. */
  readonly tenantOf: (item: ReportItem, nodeId: string) => string | undefined
  /** What a task that begins takes, bytes. */
  readonly bytesToBegin: (taskId: string) => number
  /** How many share the fleet. */
  readonly tenants: () => number
}

/** Reports handled at once; further reports wait in the queues of their nodes. */
const REPORTS_MAX = 20_000
/** Bytes of reports handled at once: the text, its values and the event take about three times as much. */
export const REPORTS_MAX_BYTES = 16 * 1024 * 1024
/**
 * Bytes of histories that are read at once for tasks that begin; an answer takes about as much again. A quarter holds
 * the history of a task with inputs.
 */
const BEGINS_MAX_BYTES = 20 * 1024 * 1024
/** A message whose reports are larger on average holds large reports, bytes; nodes send these separately. */
const LARGE_BYTES = 32 * 1024
/**
 * What a node may take of the room that the others leave, for what may not wait for its large reports; and what all
 * large reports may take of the room for reports.
 */
const MOST = 0.75
/** What a node may take for large reports of tenants that have none under way. */
const MOST_LARGE = 0.625
const NONE: ReadonlySet<ReportItem> = new Set()
/** Stands for tasks that the coordinator does not know; no tenant has this name. */
const UNKNOWN = ''

/** What a message has taken for the reports of tenants. */
interface Taken {
  readonly room: Room
  readonly size: number
  readonly owner: string
}

/**
 * The memory for reports that are handled at the same time. A report that finds no room is sent again later.
 *
 * Invariants (L7): at most REPORTS_MAX reports, with at most REPORTS_MAX_BYTES, and histories of BEGINS_MAX_BYTES; no
 * node and, of large reports and of histories, no tenant takes more than half of what the others leave free. So much of
 * the share of a node is kept for its small reports, and for tenants that hold nothing, that the large reports of one
 * tenant make no other report wait. Only a large message is looked at tenant by tenant, because this costs a look-up
 * for each report.
 */
export function createReportRooms(deps: RoomsDeps) {
  const counts = createRoom(REPORTS_MAX)
  const reports = createRoom(REPORTS_MAX_BYTES)
  const large = createRoom(REPORTS_MAX_BYTES)
  const begins = createRoom(BEGINS_MAX_BYTES)
  const histories = createRoom(BEGINS_MAX_BYTES)
  /** The tenant to which a report counts; in a fleet with one tenant nothing is counted. */
  const ownerOf = (item: ReportItem | undefined, nodeId: string): string | undefined =>
    item === undefined || deps.tenants() <= 1 ? undefined : (deps.tenantOf(item, nodeId) ?? UNKNOWN)

  /** Takes room for large reports; returns those whose tenants have none, and undefined if none of them has room. */
  const enterLarge = (
    items: Items,
    bytes: number,
    nodeId: string,
    taken: Taken[],
  ): ReadonlySet<ReportItem> | undefined => {
    const used = reports.used()
    if (used > 0 && used + bytes > REPORTS_MAX_BYTES * MOST) return undefined
    const owners = items.map((item) => ownerOf(item, nodeId))
    const quiet = owners.every((owner) => owner !== undefined && large.of(owner) === 0)
    if (!reports.take(bytes, nodeId, quiet ? MOST_LARGE : undefined)) return undefined
    const refused = new Set<ReportItem>()
    const size = Math.ceil(bytes / items.length)
    for (const [at, owner] of owners.entries()) {
      const item = items[at]
      if (item === undefined || owner === undefined) continue
      if (large.take(size, owner)) taken.push({ room: large, size, owner })
      else refused.add(item)
    }
    if (items.length > 0 && refused.size === items.length) {
      reports.give(bytes, nodeId)
      return undefined
    }
    return refused
  }

  return {
    /** Returns the number of reports that are handled. */
    used: counts.used,
    /** Lets the reports of a node in; undefined: the node reports again. The visit must be left. */
    enter(items: Items, bytes: number, nodeId: string): Visit | undefined {
      if (items.length > REPORTS_MAX || !counts.take(items.length, nodeId)) return undefined
      const taken: Taken[] = []
      const isLarge = bytes > LARGE_BYTES * items.length
      const refused = isLarge ? enterLarge(items, bytes, nodeId, taken) : NONE
      if (refused === undefined || (!isLarge && !reports.take(bytes, nodeId, MOST))) {
        counts.give(items.length, nodeId)
        return undefined
      }
      return {
        admits: (item) => !refused.has(item),
        reserve(item) {
          const size = deps.bytesToBegin(item.taskId)
          const owner = ownerOf(item, nodeId)
          const quiet = owner !== undefined && histories.of(owner) === 0
          if (!begins.take(size, nodeId, quiet ? MOST : undefined)) return false
          if (owner !== undefined && !histories.take(size, owner)) {
            begins.give(size, nodeId)
            return false
          }
          taken.push({ room: begins, size, owner: nodeId })
          if (owner !== undefined) taken.push({ room: histories, size, owner })
          return true
        },
        leave() {
          counts.give(items.length, nodeId)
          reports.give(bytes, nodeId)
          for (const { room, size, owner } of taken) room.give(size, owner)
        },
      }
    },
  }
}
