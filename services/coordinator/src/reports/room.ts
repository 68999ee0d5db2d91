/**
 * Room for the items that are held in memory at the same time. Invariant (L7): the held items
 * together stay below the limit, or there is a single item that is larger than the limit.
 */
export interface Room {
  /** Takes so many bytes; false if they are not free. */
  take(bytes: number): boolean
  /** Gives bytes back. */
  give(bytes: number): void
}

/** Creates a room of so many bytes. */
export function createRoom(maxBytes: number): Room {
  let usedBytes = 0
  return {
    take(bytes) {
      if (usedBytes > 0 && usedBytes + bytes > maxBytes) return false
      usedBytes += bytes
      return true
    },
    give(bytes) {
      usedBytes -= bytes
    },
  }
}
