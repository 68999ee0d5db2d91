/**
 * A map whose entries come and go all the time, such as one of calls in flight.
 *
 * V8's own Map makes a new table when the old one is full of deleted entries, and links the old table to the
 * new one. Once a table is in the old generation, every later one is reachable from dead memory until the
 * next full collection, together with all entries it held when it was replaced: nearly every entry is copied
 * into the old generation (V8, `OrderedHashTable::Rehash` and `SetNextTable`). We measured 6 kB a task and
 * twice the time of each young collection. Moving to a new Map now and then breaks that chain.
 *
 * Invariants: behaves as a Map, in the order of insertion; moving costs a constant time for each deletion; a
 * map with deletions during an iteration moves only at the next `set`.
 */
export type CompactingMap<K, V> = ReturnType<typeof createCompactingMap<K, V>>

/** Least number of deletions between two moves: far fewer than between two collections of a busy process. */
const DELETIONS_MIN = 512

/** Creates an empty map. */
export function createCompactingMap<K, V>() {
  let entries = new Map<K, V>()
  let deletions = 0
  return {
    get size(): number {
      return entries.size
    },
    get: (key: K): V | undefined => entries.get(key),
    has: (key: K): boolean => entries.has(key),
    set(key: K, value: V): void {
      if (deletions >= DELETIONS_MIN && deletions >= entries.size) {
        entries = new Map(entries)
        deletions = 0
      }
      entries.set(key, value)
    },
    delete(key: K): boolean {
      if (!entries.delete(key)) return false
      deletions += 1
      return true
    },
    clear(): void {
      entries = new Map()
      deletions = 0
    },
    keys: () => entries.keys(),
    values: () => entries.values(),
    [Symbol.iterator]: () => entries[Symbol.iterator](),
  }
}
