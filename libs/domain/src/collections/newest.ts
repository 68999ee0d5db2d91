/**
 * The newest entries by their keys, bounded in number and in bytes (L7): what does not fit pushes out the entries that
 * came first. An entry that is set again keeps its place.
 */
interface Newest<K, V> {
  /** Sets an entry of this size; false: it is larger than all entries together may be, and was not set. */
  set(key: K, value: V, bytes: number): boolean
  get(key: K): V | undefined
  delete(key: K): void
  /** The entries, the first first. */
  values(): IterableIterator<V>
  entries(): IterableIterator<[K, V]>
  size(): number
  /** The bytes of all entries together. */
  bytes(): number
}

/** The bounds of all entries together. */
interface NewestBounds {
  readonly entriesMax: number
  readonly bytesMax: number
}

/** Creates an empty collection. */
export function createNewest<K, V>({ entriesMax, bytesMax }: NewestBounds): Newest<K, V> {
  const kept = new Map<K, { readonly value: V; readonly bytes: number }>()
  let total = 0
  const remove = (key: K): void => {
    total -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
  return {
    set(key, value, bytes) {
      if (bytes > bytesMax) return false
      total += bytes - (kept.get(key)?.bytes ?? 0)
      kept.set(key, { value, bytes })
      for (const first of kept.keys()) {
        if (kept.size <= entriesMax && total <= bytesMax) break
        // The entry itself leaves last, and alone it fits.
        if (first !== key) remove(first)
      }
      return true
    },
    get: (key) => kept.get(key)?.value,
    delete: remove,
    *values() {
      for (const { value } of kept.values()) yield value
    },
    *entries() {
      for (const [key, { value }] of kept) yield [key, value]
    },
    size: () => kept.size,
    bytes: () => total,
  }
}
