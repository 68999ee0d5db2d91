import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createSlices, inParallel } from '../../src/index.ts'

function busyFor(ms: number): void {
  const startedMs = performance.now()
  while (performance.now() - startedMs < ms);
}

test('a long work in slices lets other work of the process run after every 10 ms', async () => {
  let others = 0
  let done = false
  const other = (async () => {
    for (; !done; others += 1) await nextTurn()
  })()
  const pause = createSlices()
  for (let part = 0; part < 20; part += 1) {
    busyFor(6)
    await pause()
  }
  done = true
  await other
  expect(others).toBeGreaterThanOrEqual(9)
})

test('work in parallel begins the next item as soon as one has ended, and returns the results in the order of the items', async () => {
  const begun: number[] = []
  const ends: (() => void)[] = []
  const all = inParallel([10, 11, 12, 13], 2, async (item) => {
    begun.push(item)
    await new Promise<void>((resolve) => ends.push(resolve))
    return item * 2
  })
  expect(begun).toEqual([10, 11])
  ends[1]?.()
  await nextTurn()
  expect(begun).toEqual([10, 11, 12])
  ends[2]?.()
  await nextTurn()
  expect(begun).toEqual([10, 11, 12, 13])
  ends[3]?.()
  ends[0]?.()
  expect(await all).toEqual([20, 22, 24, 26])
  expect(await inParallel([], 2, () => Promise.reject(new Error('not called')))).toEqual([])
})

test('work in parallel begins no further item after a failure', async () => {
  const begun: number[] = []
  const ends: (() => void)[] = []
  const all = inParallel([0, 1, 2, 3], 2, async (item) => {
    begun.push(item)
    if (item === 0) throw new Error('failed')
    await new Promise<void>((resolve) => ends.push(resolve))
  })
  await expect(all).rejects.toThrow('failed')
  ends[0]?.()
  await nextTurn()
  expect(begun).toEqual([0, 1])
})
