import { createTally } from '@agentfleet/domain'

/** Room for what several owners hold. */
export type Room = ReturnType<typeof createRoom>

/** The part of an owner that leaves as much to each of the others. */
const HALF = 0.5

/**
 * Room of this size, in bytes or in items, for what several owners, such as nodes, hold in memory at the same time.
 * Invariants (L7): what is held stays below the limit, or it is a single thing that is larger than the limit; an owner
 * that holds something takes at most a part of what the other owners leave free, so no owner can fill the room for all
 * (L9).
 */
export function createRoom(max: number) {
  const held = createTally()
  return {
    /** Takes so much for an owner; false if it is not free. `part`: what the owner may hold of what the others leave. */
    take(size: number, owner: string, part = HALF): boolean {
      const own = held.of(owner)
      const used = held.total()
      const most = own === 0 ? max - used : (max - used + own) * part
      if (used > 0 && own + size > most) return false
      held.add(owner, size)
      return true
    },
    /** Frees room that an owner took. */
    give: (size: number, owner: string) => held.add(owner, -size),
    /** How much an owner has taken. */
    of: held.of,
    /** How much of the room is taken. */
    used: held.total,
  }
}
