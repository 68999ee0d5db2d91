import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends connections that do not read what was sent to them, whether it is an HTTP answer or the
 * frames of a stream.
 *
 * Invariants (L7): bytes that a client does not take are dropped after TAKE_WITHIN_MS, even if the
 * client sends requests or pings meanwhile; all connections together keep at most ALL_MAX_BYTES from
 * one sweep to the next, beyond that those with the most unsent bytes end.
 */
export interface SlowReaders {
  /** Looks at every connection; call it every second. Returns how many connections it ended. */
  sweep(): number
}

/** A frozen client or a dead link; the kernel's own buffer holds some seconds more, milliseconds. */
const TAKE_WITHIN_MS = 20_000
/** Half of the memory that a gateway is given. */
const ALL_MAX_BYTES = 256 * 1024 * 1024

interface Reader {
  /** Bytes that the connection had taken when it was last looked at. */
  takenBytes: number
  takenAtMs: number
}

/** Watches the connections of this server. */
export function watchSlowReaders(
  server: Pick<Server, 'on'>,
  monotonicMs: () => number,
): SlowReaders {
  const readers = new Map<Socket, Reader>()
  server.on('connection', (socket: Socket) => {
    readers.set(socket, { takenBytes: 0, takenAtMs: monotonicMs() })
    socket.once('close', () => readers.delete(socket))
  })

  /** Whether bytes wait, and the connection has taken no byte for too long. */
  const isStalled = (socket: Socket, reader: Reader, nowMs: number): boolean => {
    const takenBytes = socket.bytesWritten - socket.writableLength
    if (socket.writableLength === 0 || takenBytes !== reader.takenBytes) {
      reader.takenBytes = takenBytes
      reader.takenAtMs = nowMs
    }
    return nowMs - reader.takenAtMs > TAKE_WITHIN_MS
  }

  return {
    sweep() {
      const nowMs = monotonicMs()
      let unsentBytes = 0
      const ended: Socket[] = []
      for (const [socket, reader] of readers) {
        if (isStalled(socket, reader, nowMs)) ended.push(socket)
        else unsentBytes += socket.writableLength
      }
      if (unsentBytes > ALL_MAX_BYTES) {
        const most = [...readers.keys()].sort((a, b) => b.writableLength - a.writableLength)
        for (const socket of most) {
          if (unsentBytes <= ALL_MAX_BYTES) break
          unsentBytes -= socket.writableLength
          ended.push(socket)
        }
      }
      for (const socket of ended) socket.destroy()
      return ended.length
    },
  }
}
