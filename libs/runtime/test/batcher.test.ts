import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createBatcher, type BatcherOptions } from '../src/index.ts'

/** A batcher whose calls return when the test says so. */
function setup(limits: Partial<BatcherOptions<number, string>> = {}) {
  const calls: { items: number[]; succeed(): void; fail(error: Error): void }[] = []
  const add = createBatcher<number, string>({
    run: (items) =>
      new Promise((resolve, reject) => {
        const succeed = () => resolve(items.map((item) => `r${item}`))
        calls.push({ items, succeed, fail: reject })
      }),
    maxItems: 100,
    maxInFlight: 1,
    maxQueued: 1_000,
    ...limits,
  })
  return { add, calls }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('the batcher sends the items of one turn of the event loop together at once if no call is in flight', async () => {
  const { add, calls } = setup()
  const results = Promise.all([add(1), add(2)])
  await nextTurn()
  expect(calls.map((call) => call.items)).toEqual([[1, 2]])
  calls[0]?.succeed()
  expect(await results).toEqual(['r1', 'r2'])
})

test('the batcher sends items that arrive during a call together when the call returns', async () => {
  const { add, calls } = setup()
  const first = add(0)
  await nextTurn()
  const rest = range(1, 6).map((item) => add(item))
  await nextTurn()
  expect(calls).toHaveLength(1)
  calls[0]?.succeed()
  await first
  await nextTurn()
  expect(calls[1]?.items).toEqual([1, 2, 3, 4, 5])
  calls[1]?.succeed()
  expect(await Promise.all(rest)).toEqual(['r1', 'r2', 'r3', 'r4', 'r5'])
})

test('the batcher limits its calls and the items in each call, and keeps the order of arrival', async () => {
  const { add, calls } = setup({ maxItems: 2, maxInFlight: 2 })
  const results = range(0, 7).map((item) => add(item))
  await nextTurn()
  expect(calls.map((call) => call.items)).toEqual([
    [0, 1],
    [2, 3],
  ])
  calls[1]?.succeed()
  await results[2]
  await nextTurn()
  expect(calls[2]?.items).toEqual([4, 5])
  calls[0]?.succeed()
  calls[2]?.succeed()
  await results[4]
  await nextTurn()
  calls[3]?.succeed()
  expect(await Promise.all(results)).toEqual(range(0, 7).map((item) => `r${item}`))
})

test('the batcher refuses an item when too many items wait', async () => {
  const { add, calls } = setup({ maxQueued: 2 })
  const accepted = [add(1), add(2)]
  await expect(add(3)).rejects.toThrow('2 items already wait')
  await nextTurn()
  calls[0]?.succeed()
  expect(await Promise.all(accepted)).toEqual(['r1', 'r2'])
})

test('the batcher rejects only the items of a call that fails', async () => {
  const { add, calls } = setup({ maxItems: 1, maxInFlight: 2 })
  const [bad, good] = [add(1), add(2)]
  await nextTurn()
  calls[0]?.fail(new Error('broken'))
  calls[1]?.succeed()
  await expect(bad).rejects.toThrow('broken')
  expect(await good).toBe('r2')
})

test('the batcher rejects the items of a call that returns a wrong number of results or throws before its first await', async () => {
  const limits = { maxItems: 9, maxInFlight: 1, maxQueued: 9 }
  const short = createBatcher<number, number>({ ...limits, run: async () => [] })
  await expect(short(1)).rejects.toThrow('a call with 1 items answered 0 results')
  const throwing = createBatcher<number, number>({
    ...limits,
    run: () => {
      throw new Error('at once')
    },
  })
  await expect(throwing(1)).rejects.toThrow('at once')
  await expect(throwing(1)).rejects.toThrow('at once')
})

test('the batcher handles a hundred thousand items in well under a second of processor time', async () => {
  const add = createBatcher<number, number>({
    run: async (items) => items,
    maxItems: 256,
    maxInFlight: 4,
    maxQueued: 100_000,
  })
  const before = process.cpuUsage()
  await Promise.all(range(0, 100_000).map((item) => add(item)))
  // Measured: about 150 ms; the limit only catches a cost that grows with the queue.
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000)
})
