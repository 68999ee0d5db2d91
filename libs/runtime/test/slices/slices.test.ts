import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createSlices } from '../../src/index.ts'

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
