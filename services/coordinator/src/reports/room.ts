/**
 * Room for the items of all nodes that are held in memory at the same time. Invariants (L7): the held items
 * together stay below the limit, or there is a single item that is larger than the limit; a node that holds
 * items takes at most half of what the other nodes leave free, so no node can fill the room for all (L9).
 */
export interface Room {
  /** Takes so much for a node; false if it is not free. */
  take(size: number, nodeId: string): boolean
  /** Frees room that a node took. */
  give(size: number, nodeId: string): void
  /** How much of the room is taken. */
  used(): number
}

/** Creates a room of this size, in bytes or in items. */
export function createRoom(max: number): Room {
  const held = new Map<string, number>()
  let used = 0
  const add = (size: number, nodeId: string): void => {
    used += size
    const own = (held.get(nodeId) ?? 0) + size
    if (own > 0) held.set(nodeId, own)
    else held.delete(nodeId)
  }
  return {
    take(size, nodeId) {
      const own = held.get(nodeId) ?? 0
      const most = own === 0 ? max - used : (max - used + own) / 2
      if (used > 0 && own + size > most) return false
      add(size, nodeId)
      return true
    },
    give: (size, nodeId) => add(-size, nodeId),
    used: () => used,
  }
}
