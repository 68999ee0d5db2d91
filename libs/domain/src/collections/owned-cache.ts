import { createHeap } from './heap.ts'

/**
 * A cache for several owners, bounded in number and in size (L7). If it is full, the owner that holds most loses the
 * entry that it has not used for longest. So an owner without competition uses all of the cache, and no owner pushes
 * out entries of an owner that holds less.
 */
export type OwnedCache<V> = ReturnType<typeof createOwnedCache<V>>

interface Entry<V> {
  readonly value: V
  readonly size: number
}

interface Owned<V> {
  readonly owner: string
  /** An owner that came earlier has a lower number. */
  readonly number: number
  /** In order of use: the entry that was unused for longest comes first. */
  readonly entries: Map<string, Entry<V>>
  size: number
  /** Its place among the owners. */
  at: number
}

/** Creates an empty cache; the bounds hold for all owners together. */
export function createOwnedCache<V>(bounds: {
  readonly entriesMax: number
  readonly sizeMax: number
}) {
  const { entriesMax, sizeMax } = bounds
  // No owner is without entries.
  const owners = new Map<string, Owned<V>>()
  let came = 0
  let count = 0
  let total = 0

  /** The part of the cache that an owner holds, by number or by size: the larger of both. */
  const partOf = ({ entries, size }: Owned<V>): number =>
    Math.max(entries.size / entriesMax, size / sizeMax)

  // The owner that holds most comes first; thousands of owners may share a cache, so it is not searched for.
  const order = createHeap<Owned<V>>(
    (a, b) => {
      const more = partOf(a) - partOf(b)
      return more === 0 ? a.number < b.number : more > 0
    },
    (owned, at) => (owned.at = at),
  )

  const ownedOf = (owner: string): Owned<V> => {
    const known = owners.get(owner)
    if (known !== undefined) return known
    const owned = { owner, number: (came += 1), entries: new Map(), size: 0, at: 0 }
    owners.set(owner, owned)
    order.push(owned)
    return owned
  }

  const remove = (owner: string, key: string): V | undefined => {
    const owned = owners.get(owner)
    const entry = owned?.entries.get(key)
    if (owned === undefined || entry === undefined) return undefined
    owned.entries.delete(key)
    owned.size -= entry.size
    count -= 1
    total -= entry.size
    if (owned.entries.size > 0) order.moved(owned.at)
    else {
      order.remove(owned.at)
      owners.delete(owner)
    }
    return entry.value
  }

  /** Removes the oldest entry of the owner that holds most. */
  const removeOne = (): V | undefined => {
    const most = order.first()
    const [oldest] = most?.entries.keys() ?? []
    return most === undefined || oldest === undefined ? undefined : remove(most.owner, oldest)
  }

  return {
    /** Returns the entry and counts as its use. */
    get(owner: string, key: string): V | undefined {
      const owned = owners.get(owner)
      const entry = owned?.entries.get(key)
      if (owned === undefined || entry === undefined) return undefined
      owned.entries.delete(key)
      owned.entries.set(key, entry)
      return entry.value
    },
    /**
     * Sets an entry of this size, and returns the values that left to make room; an entry larger than the whole cache
     * leaves at once.
     */
    set(owner: string, key: string, value: V, size: number): readonly V[] {
      remove(owner, key)
      if (size > sizeMax) return [value]
      // Room is made with the new entry counted to its owner, so that an equal owner loses nothing to it.
      const owned = ownedOf(owner)
      owned.entries.set(key, { value, size })
      owned.size += size
      order.moved(owned.at)
      count += 1
      total += size
      const left: V[] = []
      while (count > entriesMax || total > sizeMax) {
        const removed = removeOne()
        if (removed !== undefined) left.push(removed)
      }
      return left
    },
    delete: (owner: string, key: string): void => void remove(owner, key),
    count: (): number => count,
    /** The sizes of all entries together. */
    size: (): number => total,
  }
}
