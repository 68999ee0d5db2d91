/**
 * A map whose entries come and go all the time, such as one of what is in flight.
 *
 * V8's own Map makes a new table whenever the old one is full of deleted entries, and links the old to the
 * new one. Once a table has come into the old generation, every later one is reachable from dead memory
 * until the next full collection, and with it all entries that were in it when it was replaced: nearly
 * everything that ever passed through is copied into the old generation (V8, `OrderedHashTable::Rehash`
 * and `SetNextTable`). Seen here as 6 kB a task and twice the time of each young collection. Moving to a
 * new Map now and then breaks that chain.
 *
 * Invariants: behaves as a Map, in the order of insertion; moving costs a constant time for each deletion;
 * what is iterated over and deleted from moves only at the next `set`.
 */
export interface CompactingMap<K, V> extends Iterable<[K, V]> {
  readonly size: number
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): void
  /** True when it was there. */
  delete(key: K): boolean
  clear(): void
  keys(): IterableIterator<K>
  values(): IterableIterator<V>
}

/** Deletions between two moves, at least: far fewer than between two collections of a busy process. */
const DELETIONS_MIN = 512

/** An empty map. */
export function createCompactingMap<K, V>(): CompactingMap<K, V> {
  let entries = new Map<K, V>()
  let deletions = 0
  return {
    get size() {
      return entries.size
    },
    get: (key) => entries.get(key),
    has: (key) => entries.has(key),
    set(key, value) {
      if (deletions >= DELETIONS_MIN && deletions >= entries.size) {
        entries = new Map(entries)
        deletions = 0
      }
      entries.set(key, value)
    },
    delete(key) {
      if (!entries.delete(key)) return false
      deletions += 1
      return true
    },
    clear() {
      entries = new Map()
      deletions = 0
    },
    keys: () => entries.keys(),
    values: () => entries.values(),
    [Symbol.iterator]: () => entries[Symbol.iterator](),
  }
}
