import { createOwnedCache } from './owned-cache.ts'

/**
 * Values that are found by their key alone, although each has an owner. The bound is that of an owned cache: if the
 * map is full, the owner that holds most loses the value that it has not used for longest (L7).
 */
interface OwnedMap<V> {
  /** Returns the value; this does not count as its use. */
  get(key: string): V | undefined
  /** Counts as a use of the value. */
  use(key: string): void
  /** Adds a value, or replaces one of any owner; this counts as its use. */
  set(owner: string, key: string, value: V): void
  delete(key: string): void
  /** The number of values. */
  count(): number
}

interface Entry<V> {
  readonly owner: string
  readonly key: string
  readonly value: V
}

/** Creates an empty map; the bound holds for all owners together. */
export function createOwnedMap<V>(entriesMax: number): OwnedMap<V> {
  const entries = new Map<string, Entry<V>>()
  const kept = createOwnedCache<Entry<V>>({ entriesMax, sizeMax: entriesMax })

  const remove = (key: string): void => {
    const entry = entries.get(key)
    if (entry === undefined) return
    entries.delete(key)
    kept.delete(entry.owner, key)
  }

  return {
    get: (key) => entries.get(key)?.value,
    use(key) {
      const entry = entries.get(key)
      if (entry !== undefined) kept.get(entry.owner, key)
    },
    set(owner, key, value) {
      remove(key)
      const entry = { owner, key, value }
      entries.set(key, entry)
      for (const left of kept.set(owner, key, entry, 1)) entries.delete(left.key)
    },
    delete: remove,
    count: () => entries.size,
  }
}
