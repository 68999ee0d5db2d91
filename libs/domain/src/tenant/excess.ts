/**
 * What ends when owners hold more bytes than there is room for, and nothing could be refused before: unsent bytes of
 * connections.
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
