import type { WebSocket } from '@fastify/websocket'

/**
 * The bytes that were sent to WebSocket connections and that their clients have not read yet.
 *
 * Invariants (L7): a connection has at most CONNECTION_MAX_BYTES, all connections together have at
 * most ALL_MAX_BYTES. Beyond that the slowest ones end, never one that reads: a slow reader costs
 * only itself. `slow-readers.ts` ends connections that read nothing at all.
 */
export interface Unsent {
  add(socket: WebSocket): UnsentBytes
}

/** The unsent bytes of one connection. */
export interface UnsentBytes {
  /** Call it after each send. */
  grown(): void
  /** Call it when the connection has taken a frame. */
  readonly taken: () => void
  /** Resolves when nearly everything was taken, or the connection has ended. */
  ready(): Promise<void>
  /** Whether hints are dropped, because the connection lags behind. */
  dropsHints(): boolean
  /** Whether the connection has to end. */
  tooSlow(): boolean
  close(): void
}

/** Below this a connection may get more of a history: one page on its way hides the next read. */
const READY_BYTES = 64 * 1024
/** Above this the gateway drops deltas: about a second of a slow mobile link. */
const HINTS_MAX_BYTES = 256 * 1024
/** A client that stays above this for SLOW_MAX_MS does not keep up. */
const SLOW_BYTES = 1024 * 1024
/** A client on a train loses its connection for seconds, milliseconds. */
const SLOW_MAX_MS = 10_000
/** Room for the largest event and for some seconds of others. */
const CONNECTION_MAX_BYTES = 8 * 1024 * 1024
/** What a frame that waits costs in addition to its text: the objects around it. A flood of answers to pings is mostly that. */
const FRAME_BYTES = 512
/** A tenth of the memory that a gateway is given: what was sent is garbage for a while, too. */
const ALL_MAX_BYTES = 64 * 1024 * 1024
/** After the slowest connections have ended, so much is free that it does not happen at each send. */
const FREE_SHARE = 0.25

interface Entry {
  readonly socket: WebSocket
  /** Frames that the connection has not taken. */
  frames: number
  bytes: number
}

/** Creates the bookkeeping; `endSlowest` ends a connection at once. */
export function createUnsent(deps: {
  readonly monotonicMs: () => number
  readonly endSlowest: (socket: WebSocket) => void
}): Unsent {
  const entries = new Set<Entry>()
  let total = 0

  const unsentOf = ({ socket, frames }: Entry): number =>
    socket.bufferedAmount + frames * FRAME_BYTES

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
    for (const entry of [...entries].sort((a, b) => b.bytes - a.bytes)) {
      if (total <= ALL_MAX_BYTES * (1 - FREE_SHARE)) return
      forget(entry)
      deps.endSlowest(entry.socket)
    }
  }

  return {
    add(socket) {
      const entry: Entry = { socket, frames: 0, bytes: 0 }
      entries.add(entry)
      let waiters: (() => void)[] = []
      let slowSinceMs: number | undefined
      const isReady = (): boolean => !entries.has(entry) || socket.bufferedAmount <= READY_BYTES
      const wake = (): void => {
        const woken = waiters
        waiters = []
        for (const resolve of woken) resolve()
      }
      return {
        grown() {
          entry.frames += 1
          note(entry)
          makeRoom()
        },
        taken() {
          entry.frames -= 1
          note(entry)
          if (waiters.length > 0 && isReady()) wake()
        },
        async ready() {
          while (!isReady()) await new Promise<void>((resolve) => waiters.push(resolve))
        },
        dropsHints: () => unsentOf(entry) > HINTS_MAX_BYTES,
        tooSlow() {
          if (unsentOf(entry) <= SLOW_BYTES) {
            slowSinceMs = undefined
            return false
          }
          const nowMs = deps.monotonicMs()
          slowSinceMs ??= nowMs
          return unsentOf(entry) > CONNECTION_MAX_BYTES || nowMs - slowSinceMs > SLOW_MAX_MS
        },
        close() {
          forget(entry)
          wake()
        },
      }
    },
  }
}
