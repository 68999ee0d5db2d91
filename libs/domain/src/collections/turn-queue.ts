/**
 * Creates an empty queue of entries of several owners that wait for the same places. The owners take turns, so the first
 * entry of an owner waits for at most one entry of each other owner, however many they have (L7). The entries of one
 * owner keep their order, and an entry waits at most once.
 */
export function createTurnQueue<T>() {
  // The owner whose turn is next comes first; no owner is without entries.
  const queues = new Map<string, Set<T>>()
  let size = 0

  const remove = (owner: string, entry: T): boolean => {
    const queue = queues.get(owner)
    if (queue?.delete(entry) !== true) return false
    size -= 1
    if (queue.size === 0) queues.delete(owner)
    return true
  }

  return {
    /** Adds an entry behind the other entries of its owner; an entry that already waits keeps its place. */
    add(owner: string, entry: T): void {
      const queue = queues.get(owner) ?? new Set()
      queues.set(owner, queue)
      if (queue.has(entry)) return
      queue.add(entry)
      size += 1
    },
    /** Removes an entry; returns false if it does not wait. */
    remove,
    /** Removes and returns the next entry, with its owner; it passes over owners that may not be served now. */
    take(mayServe: (owner: string) => boolean = () => true) {
      for (const [owner, queue] of queues) {
        if (!mayServe(owner)) continue
        queues.delete(owner)
        queues.set(owner, queue)
        for (const entry of queue) {
          remove(owner, entry)
          return { owner, entry }
        }
      }
      return undefined
    },
    size: (): number => size,
    sizeOf: (owner: string): number => queues.get(owner)?.size ?? 0,
    clear(): void {
      queues.clear()
      size = 0
    },
  }
}
