/** Values of which the first one is always known: a binary heap. Invariant: no value comes before its parent. */
export interface Heap<T> {
  push(value: T): void
  first(): T | undefined
  /** Removes and returns the first value. */
  pop(): T | undefined
  size(): number
  /** All values, in no particular order. */
  values(): Iterable<T>
}

/** Creates an empty heap in this order. */
export function createHeap<T>(isBefore: (a: T, b: T) => boolean): Heap<T> {
  const heap: T[] = []

  /** Puts the value at the root and moves it down to its place. */
  const sink = (value: T): void => {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, value)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = value
  }

  return {
    push(value) {
      let at = heap.push(value) - 1
      while (at > 0) {
        const parent = (at - 1) >> 1
        if (!isBefore(value, heap[parent]!)) break
        heap[at] = heap[parent]!
        at = parent
      }
      heap[at] = value
    },
    first: () => heap[0],
    pop() {
      const [first] = heap
      const last = heap.pop()
      if (last !== undefined && heap.length > 0) sink(last)
      return first
    },
    size: () => heap.length,
    values: () => heap.values(),
  }
}
