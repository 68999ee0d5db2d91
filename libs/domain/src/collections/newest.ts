import { createTally } from '../tenant/tally.ts'

/** The bounds of all entries together. */
interface NewestBounds {
  readonly entriesMax: number
  readonly bytesMax: number
}

interface Kept<V> {
  readonly value: V
  readonly bytes: number
  readonly owner: string
}

/**
 * Creates an empty collection of the newest entries by their keys, bounded in number and in bytes (L7): what does not
 * fit pushes out the entries that came first, of the owner that holds most. An entry that is set again keeps its place
 * and its owner.
 */
export function createNewest<K, V>({ entriesMax, bytesMax }: NewestBounds) {
  const kept = new Map<K, Kept<V>>()
  const counts = createTally()
  const sizes = createTally()

  const remove = (key: K): void => {
    const entry = kept.get(key)
    if (entry === undefined) return
    kept.delete(key)
    counts.add(entry.owner, -1)
    sizes.add(entry.owner, -entry.bytes)
  }

  /** The part that an owner holds, by number or by bytes: the larger of both. */
  const partOf = (owner: string): number =>
    Math.max(counts.of(owner) / entriesMax, sizes.of(owner) / bytesMax)

  /** Removes the first entry of the owner that holds most; the last entry to leave is this one, and alone it fits. */
  const removeOne = (last: K): void => {
    const firsts = new Map<string, K>()
    for (const [key, { owner }] of kept)
      if (key !== last && !firsts.has(owner)) firsts.set(owner, key)
    const [most] = [...firsts].toSorted(([one], [other]) => partOf(other) - partOf(one))
    if (most !== undefined) remove(most[1])
  }

  return {
    /**
     * Sets an entry of this size; false: it is larger than all entries together may be, and was not set. Entries without
     * an owner count as those of one.
     */
    set(key: K, value: V, bytes: number, owner = ''): boolean {
      if (bytes > bytesMax) return false
      const before = kept.get(key)
      const entry = { value, bytes, owner: before?.owner ?? owner }
      kept.set(key, entry)
      if (before === undefined) counts.add(owner, 1)
      sizes.add(entry.owner, bytes - (before?.bytes ?? 0))
      while (kept.size > entriesMax || sizes.total() > bytesMax) removeOne(key)
      return true
    },
    get: (key: K): V | undefined => kept.get(key)?.value,
    delete: remove,
    /** The entries, the first first. */
    *values(): Generator<V, void> {
      for (const { value } of kept.values()) yield value
    },
    *entries(): Generator<[K, V], void> {
      for (const [key, { value }] of kept) yield [key, value]
    },
    size: (): number => kept.size,
    /** The bytes of all entries together. */
    bytes: (): number => sizes.total(),
  }
}
