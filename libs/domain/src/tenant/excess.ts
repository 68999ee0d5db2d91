/**
 * What ends when owners hold more bytes than there is room for, and nothing could be refused before: unsent bytes of
 * connections, the history of figures.
 *
 * Invariant: an owner that holds less than another owner loses nothing. So an owner with a thousand places pays for
 * them before an owner with one place, even if this place holds more than each of the thousand (L7).
 */

/** What an owner holds in one place, such as a connection. */
interface Holding {
  readonly owner: string
  readonly bytes: number
}

/**
 * Chooses what ends until so many bytes are free: each time the largest place of the owner that holds most then.
 * Places without bytes stay.
 */
export function chooseEnds<T extends Holding>(
  places: Iterable<T>,
  excessBytes: number,
): readonly T[] {
  const owners = new Map<string, { bytes: number; readonly places: T[] }>()
  for (const place of places) {
    const owned = owners.get(place.owner) ?? { bytes: 0, places: [] }
    owners.set(place.owner, owned)
    owned.bytes += place.bytes
    owned.places.push(place)
  }
  for (const owned of owners.values()) owned.places.sort((a, b) => a.bytes - b.bytes)
  const ended: T[] = []
  let left = excessBytes
  while (left > 0) {
    let most = { bytes: 0, places: [] as T[] }
    for (const owned of owners.values()) if (owned.bytes > most.bytes) most = owned
    const largest = most.places.pop()
    if (largest === undefined) break
    most.bytes -= largest.bytes
    left -= largest.bytes
    ended.push(largest)
  }
  return ended
}

/**
 * Decides how much each owner gives up until so much is free: the owners that hold most are cut to the same level.
 * Owners that give up nothing are left out.
 */
export function cutToLevel(held: ReadonlyMap<string, number>, excess: number): Map<string, number> {
  const amounts = [...held.values()].toSorted((a, b) => b - a)
  let sum = 0
  let level = 0
  for (const [at, amount] of amounts.entries()) {
    sum += amount
    level = Math.max(0, (sum - excess) / (at + 1))
    // The owners up to here are enough.
    if (level >= (amounts[at + 1] ?? 0)) break
  }
  const cuts = new Map<string, number>()
  for (const [owner, amount] of held) if (amount > level) cuts.set(owner, amount - level)
  return cuts
}
