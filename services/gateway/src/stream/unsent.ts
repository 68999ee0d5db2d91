import { chooseEnds } from '@agentfleet/domain'
import type { WebSocket } from '@fastify/websocket'

/**
 * The bytes that were sent to a WebSocket connection and that its client has not read yet.
 *
 * The kernel takes megabytes for a client that reads nothing, and all connections of the machine share its memory,
 * that to NATS included. A ping follows each MARK_EVERY_BYTES, and its pong says what the client has read.
 *
 * Invariants (L7): a connection has at most CONNECTION_MAX_BYTES, all connections together have at most
 * ALL_MAX_BYTES. Beyond that limit the slowest connections of the tenant that holds most end, never a connection that
 * reads: a slow reader costs only itself, and a tenant with many slow readers costs only itself. Of histories a client
 * gets no more than WINDOW_BYTES and one page before it has read them. `slow-readers.ts` ends connections that take
 * nothing at all.
 */
export type UnsentBytes = ReturnType<typeof bytesOf>

/** Below this a connection may get more of a history: one page on its way hides the next read. */
const READY_BYTES = 64 * 1024
/** Bytes that the client may have before it says that it has read some of them: 5 MB/s at 50 ms of distance. */
const WINDOW_BYTES = 256 * 1024
/** A ping takes a few bytes; a fourth of the window keeps it open. */
const MARK_EVERY_BYTES = 64 * 1024
/** The largest event over a link of 20 kB/s, milliseconds. */
const READ_WITHIN_MS = 60_000
/** Above this the gateway drops deltas: about a second of a slow mobile link. */
const HINTS_MAX_BYTES = 256 * 1024
/** A client that stays above this for SLOW_MAX_MS does not keep up. */
const SLOW_BYTES = 1024 * 1024
/** A client on a train loses its connection for seconds, milliseconds. */
const SLOW_MAX_MS = 10_000
/** Room for the largest event and for some seconds of other events. */
const CONNECTION_MAX_BYTES = 8 * 1024 * 1024
/**
 * What a frame that waits costs in addition to its text: the objects around it. A flood of answers to pings is
 * mostly that.
 */
const FRAME_BYTES = 512
/** A tenth of the memory of a gateway: sent bytes also stay in memory until the next garbage collection. */
const ALL_MAX_BYTES = 64 * 1024 * 1024
/**
 * The gateway ends the slowest connections until this share is free, so that it does not have to do so at each
 * send.
 */
const FREE_SHARE = 0.25

interface Entry {
  readonly socket: WebSocket
  /** The tenant. */
  readonly owner: string
  /** Bytes sent since the connection opened, and the part of these bytes that the client has read. */
  sentBytes: number
  readBytes: number
  /** The ping that has no answer yet: the bytes that were sent before it, and its time. */
  mark: { readonly sentBytes: number; readonly atMs: number } | undefined
  /** Frames that the connection has not taken. */
  frames: number
  bytes: number
}

/** Creates the bookkeeping; `endSlowest` ends a connection at once. */
export function createUnsent(deps: {
  readonly monotonicMs: () => number
  readonly endSlowest: (socket: WebSocket) => void
}) {
  const all = createTotal(deps.endSlowest)
  return {
    add: (socket: WebSocket, tenant: string) => bytesOf(socket, tenant, all, deps.monotonicMs),
  }
}

/** Creates the count of the unsent bytes of all connections. */
function createTotal(endSlowest: (socket: WebSocket) => void) {
  const entries = new Set<Entry>()
  let total = 0

  const note = (entry: Entry): void => {
    const bytes = entries.has(entry) ? unsentOf(entry) : 0
    total += bytes - entry.bytes
    entry.bytes = bytes
  }

  const forget = (entry: Entry): void => {
    entries.delete(entry)
    note(entry)
  }

  const makeRoom = (): void => {
    if (total <= ALL_MAX_BYTES) return
    for (const entry of entries) note(entry)
    for (const entry of chooseEnds(entries, total - ALL_MAX_BYTES * (1 - FREE_SHARE))) {
      forget(entry)
      endSlowest(entry.socket)
    }
  }

  return { entries, note, forget, makeRoom }
}

function bytesOf(
  socket: WebSocket,
  owner: string,
  { entries, note, forget, makeRoom }: ReturnType<typeof createTotal>,
  monotonicMs: () => number,
) {
  const start = { sentBytes: 0, readBytes: 0, mark: undefined, frames: 0, bytes: 0 }
  const entry: Entry = { socket, owner, ...start }
  entries.add(entry)
  let waiters: (() => void)[] = []
  let slowSinceMs: number | undefined
  const isReady = (): boolean =>
    !entries.has(entry) || (socket.bufferedAmount <= READY_BYTES && unreadOf(entry) <= WINDOW_BYTES)
  const wake = (): void => {
    const woken = waiters
    waiters = []
    for (const resolve of woken) resolve()
  }
  return {
    /** Call it after each send, with the size of the frame. */
    grown(frameBytes: number): void {
      entry.frames += 1
      entry.sentBytes += frameBytes
      markSent(entry, monotonicMs)
      note(entry)
      makeRoom()
    },
    /** Call it when the connection has taken a frame. */
    taken: (): void => {
      entry.frames -= 1
      note(entry)
      if (waiters.length > 0 && isReady()) wake()
    },
    /** Call it with the text of each pong. */
    answered(text: string): void {
      if (entry.mark === undefined || text !== String(entry.mark.sentBytes)) return
      entry.readBytes = entry.mark.sentBytes
      entry.mark = undefined
      markSent(entry, monotonicMs)
      if (waiters.length > 0 && isReady()) wake()
    },
    /** Resolves when the client has read nearly everything, or the connection has ended. */
    async ready(): Promise<void> {
      while (!isReady()) await new Promise<void>((resolve) => waiters.push(resolve))
    },
    /** Whether hints are dropped, because the connection lags behind. */
    dropsHints: () => unsentOf(entry) > HINTS_MAX_BYTES || unreadOf(entry) > SLOW_BYTES,
    /** Whether the connection has to end. */
    tooSlow(): boolean {
      if (Math.max(unsentOf(entry), unreadOf(entry)) <= SLOW_BYTES) {
        slowSinceMs = undefined
        return false
      }
      const nowMs = monotonicMs()
      slowSinceMs ??= nowMs
      return unsentOf(entry) > CONNECTION_MAX_BYTES || nowMs - slowSinceMs > SLOW_MAX_MS
    },
    /** Whether the client has read nothing for too long. */
    readsNothing: () =>
      entry.mark !== undefined && monotonicMs() - entry.mark.atMs > READ_WITHIN_MS,
    close(): void {
      forget(entry)
      wake()
    },
  }
}

function unsentOf({ socket, frames }: Entry): number {
  return socket.bufferedAmount + frames * FRAME_BYTES
}

function unreadOf({ sentBytes, readBytes }: Entry): number {
  return sentBytes - readBytes
}

function markSent(entry: Entry, monotonicMs: () => number): void {
  if (entry.mark !== undefined || unreadOf(entry) < MARK_EVERY_BYTES) return
  entry.mark = { sentBytes: entry.sentBytes, atMs: monotonicMs() }
  entry.socket.ping(String(entry.sentBytes))
}
