import { createOwnedCache } from './owned-cache.ts'

/**
 * Values that are found by their key alone, although each has an owner. The bound is that of an owned cache: if the
 * map is full, the owner that holds most loses the value that it has not used for longest (L7).
 *
 * A value that a second owner sets counts for no single owner from then on. So an owner that invents keys pushes out
 * neither values of an owner that holds less nor those that several owners use.
 */
interface OwnedMap<V> {
  /** Returns the value; this does not count as its use. */
  get(key: string): V | undefined
  /** Counts as a use of the value. */
  use(key: string): void
  /** Adds a value, or replaces one of any owner; this counts as its use. Returns the values that left to make room. */
  set(owner: string, key: string, value: V): readonly V[]
  delete(key: string): void
  values(): Iterable<V>
  /** The number of values. */
  count(): number
}

interface Entry<V> {
  readonly owner: string
  readonly key: string
  value: V
}

/** Holds the values that several owners use; no owner has this name. */
const SEVERAL = ''
const NONE: readonly never[] = []

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
    *values() {
      for (const { value } of entries.values()) yield value
    },
    count: () => entries.size,
  }
}
