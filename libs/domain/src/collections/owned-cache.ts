/**
 * A cache for several owners, bounded in number and in size (L7). If it is full, the owner that holds most loses the
 * entry that it has not used for longest. So an owner without competition uses all of the cache, and no owner pushes
 * out entries of an owner that holds less.
 */
export interface OwnedCache<V> {
  /** Returns the entry and counts as its use. */
  get(owner: string, key: string): V | undefined
  /**
   * Sets an entry of this size, and returns the values that left to make room; an entry larger than the whole cache
   * leaves at once.
   */
  set(owner: string, key: string, value: V, size: number): readonly V[]
  /** Removes the entry, if there is one. */
  delete(owner: string, key: string): void
  /** The number of entries. */
  count(): number
  /** The sizes of all entries together. */
  size(): number
}

interface Entry<V> {
  readonly value: V
  readonly size: number
}

/** In order of use: the entry that was unused for longest comes first. */
interface Owned<V> {
  readonly entries: Map<string, Entry<V>>
  size: number
}

/** Creates an empty cache; the bounds hold for all owners together. */
export function createOwnedCache<V>(bounds: {
  readonly entriesMax: number
  readonly sizeMax: number
}): OwnedCache<V> {
  const { entriesMax, sizeMax } = bounds
  // No owner is without entries.
  const owners = new Map<string, Owned<V>>()
  let count = 0
  let total = 0

  const remove = (owner: string, key: string): V | undefined => {
    const owned = owners.get(owner)
    const entry = owned?.entries.get(key)
    if (owned === undefined || entry === undefined) return undefined
    owned.entries.delete(key)
    owned.size -= entry.size
    count -= 1
    total -= entry.size
    if (owned.entries.size === 0) owners.delete(owner)
    return entry.value
  }

  /** The part of the cache that an owner holds, by number or by size: the larger of both. */
  const partOf = ({ entries, size }: Owned<V>): number =>
    Math.max(entries.size / entriesMax, size / sizeMax)

  /** Removes the oldest entry of the owner that holds most. */
  const removeOne = (): V | undefined => {
    let most = -1
    let holder = ''
    for (const [owner, owned] of owners) {
      const part = partOf(owned)
      if (part <= most) continue
      most = part
      holder = owner
    }
    const [oldest] = owners.get(holder)?.entries.keys() ?? []
    return oldest === undefined ? undefined : remove(holder, oldest)
  }

  return {
    get(owner, key) {
      const owned = owners.get(owner)
      const entry = owned?.entries.get(key)
      if (owned === undefined || entry === undefined) return undefined
      owned.entries.delete(key)
      owned.entries.set(key, entry)
      return entry.value
    },
    set(owner, key, value, size) {
      remove(owner, key)
      if (size > sizeMax) return [value]
      // Room is made with the new entry counted to its owner, so that an equal owner loses nothing to it.
      const owned = owners.get(owner) ?? { entries: new Map(), size: 0 }
      owners.set(owner, owned)
      owned.entries.set(key, { value, size })
      owned.size += size
      count += 1
      total += size
      const left: V[] = []
      while (count > entriesMax || total > sizeMax) {
        const removed = removeOne()
        if (removed !== undefined) left.push(removed)
      }
      return left
    },
    delete: (owner, key) => void remove(owner, key),
    count: () => count,
    size: () => total,
  }
}
