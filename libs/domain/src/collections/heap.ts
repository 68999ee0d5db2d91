/** Values of which the first one is always known: a binary heap. Invariant: no value comes before its parent. */
export type Heap<T> = ReturnType<typeof createHeap<T>>

/** Creates an empty heap in this order; `placed` hears the place of each value whenever it changes. */
export function createHeap<T>(
  isBefore: (a: T, b: T) => boolean,
  placed: (value: T, at: number) => void = () => undefined,
) {
  const heap: T[] = []

  const put = (value: T, at: number): void => {
    heap[at] = value
    placed(value, at)
  }

  /** Moves the value from this place up to its own. */
  const rise = (value: T, from: number): void => {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(value, heap[parent]!)) break
      put(heap[parent]!, at)
      at = parent
    }
    put(value, at)
  }

  /** Moves the value from this place down to its own. */
  const sink = (value: T, from: number): void => {
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, value)) break
      put(heap[child]!, at)
      at = child
    }
    put(value, at)
  }

  const settle = (value: T, at: number): void => {
    if (at > 0 && isBefore(value, heap[(at - 1) >> 1]!)) rise(value, at)
    else sink(value, at)
  }

  const remove = (at: number): void => {
    const last = heap.pop()
    if (last !== undefined && at < heap.length) settle(last, at)
  }

  return {
    push: (value: T): void => rise(value, heap.push(value) - 1),
    first: (): T | undefined => heap[0],
    /** Removes and returns the first value. */
    pop(): T | undefined {
      const [first] = heap
      remove(0)
      return first
    },
    /** Call it when the value at this place comes earlier or later than before. */
    moved: (at: number): void => settle(heap[at]!, at),
    remove,
    size: (): number => heap.length,
    /** All values, in no particular order. */
    values: (): Iterable<T> => heap.values(),
  }
}
