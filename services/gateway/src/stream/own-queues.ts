interface Queue<Item> {
  readonly waiting: Set<Item>
  running: number
}

/**
 * Creates queues of waiting items, one for each owner. Of each owner at most `most` items run at once, in the order in
 * which they came. `run` handles its own errors.
 *
 * Invariant (L7): an item that waits costs one entry, no promise and no closure, and an item waits at most once.
 */
export function createOwnQueues<Owner extends object, Item>(
  most: number,
  run: (item: Item) => Promise<void>,
) {
  const queues = new WeakMap<Owner, Queue<Item>>()

  async function runAll(queue: Queue<Item>) {
    queue.running += 1
    for (;;) {
      const next = queue.waiting.values().next()
      if (next.done === true) break
      queue.waiting.delete(next.value)
      await run(next.value)
    }
    queue.running -= 1
  }

  return {
    /** Runs the item when it is its turn; does nothing if it waits already. */
    add(owner: Owner, item: Item): void {
      const queue = queues.get(owner) ?? { waiting: new Set(), running: 0 }
      queues.set(owner, queue)
      queue.waiting.add(item)
      if (queue.running < most) void runAll(queue)
    },
    /** Takes a waiting item out. */
    remove(owner: Owner, item: Item): void {
      queues.get(owner)?.waiting.delete(item)
    },
  }
}
