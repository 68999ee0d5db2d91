import { createOwnedCache } from './owned-cache.ts'

interface Entry<V> {
  readonly owner: string
  readonly key: string
  value: V
}

/** Holds the values that several owners use; no owner has this name. */
const SEVERAL = ''
const NONE: readonly never[] = []

/**
 * Creates an empty map of values that are found by their key alone, although each has an owner. The bound is that of an
 * owned cache, for all owners together: if the map is full, the owner that holds most loses the value that it has not
 * used for longest (L7).
 *
 * A value that a second owner sets counts for no single owner from then on. So an owner that invents keys pushes out
 * neither values of an owner that holds less nor those that several owners use.
 */
export function createOwnedMap<V>(entriesMax: number) {
  const entries = new Map<string, Entry<V>>()
  const kept = createOwnedCache<Entry<V>>({ entriesMax, sizeMax: entriesMax })

  const remove = (key: string): void => {
    const entry = entries.get(key)
    if (entry === undefined) return
    entries.delete(key)
    kept.delete(entry.owner, key)
  }

  return {
    /** Returns the value; this does not count as its use. */
    get: (key: string): V | undefined => entries.get(key)?.value,
    /** Counts as a use of the value. */
    use(key: string): void {
      const entry = entries.get(key)
      if (entry !== undefined) kept.get(entry.owner, key)
    },
    /** Adds a value, or replaces one of any owner; this counts as its use. Returns the values that left to make room. */
    set(owner: string, key: string, value: V): readonly V[] {
      const known = entries.get(key)
      const counts = known === undefined || known.owner === owner ? owner : SEVERAL
      if (known?.owner === counts) {
        known.value = value
        kept.get(counts, key)
        return NONE
      }
      remove(key)
      const entry = { owner: counts, key, value }
      entries.set(key, entry)
      const left = kept.set(counts, key, entry, 1)
      for (const each of left) entries.delete(each.key)
      return left.length === 0 ? NONE : left.map((each) => each.value)
    },
    delete: remove,
    *values(): Generator<V, void> {
      for (const { value } of entries.values()) yield value
    },
    count: (): number => entries.size,
  }
}
