import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { takeOver, thin } from '../../src/fleet/history.ts'

const STEP_MS = 10_000
const at = (atMs: number) => ({ atMs })

/** Returns the history after this many steps. */
function remembered(steps: number, startMs = 0) {
  let entries: readonly { readonly atMs: number }[] = []
  for (let n = 0; n < steps; n += 1) {
    const atMs = startMs + n * STEP_MS
    entries = thin([...entries, at(atMs)], atMs)
  }
  return entries
}

describe('the history of the fleet', () => {
  test('keeps one entry for every ten seconds of the last ten minutes, one for every minute of the last hour, and no older entry', () => {
    const entries = remembered(2_000)
    const nowMs = 1_999 * STEP_MS
    const fine = entries.filter(({ atMs }) => nowMs - atMs < 600_000)
    expect(fine).toHaveLength(60)
    expect(entries.length - fine.length).toBeGreaterThanOrEqual(49)
    expect(entries.length).toBeLessThanOrEqual(112)
    expect(nowMs - entries[0]!.atMs).toBeLessThan(3_600_000)
    expect(nowMs - entries[0]!.atMs).toBeGreaterThan(3_500_000)
  })

  test('never has more entries than one message may contain', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_500 }), fc.nat(60_000), (steps, startMs) => {
        expect(remembered(steps, startMs).length).toBeLessThanOrEqual(400)
      }),
      { numRuns: 30 },
    )
  })
})

describe('the history that a new monitor takes over', () => {
  test('keeps the longer of two histories and adds what was recorded after it', () => {
    expect(takeOver([at(50), at(60), at(70)], [at(10), at(20), at(60)])).toEqual(
      [10, 20, 60, 70].map(at),
    )
    expect(takeOver([at(10), at(70)], [at(20), at(60)])).toEqual([10, 70].map(at))
    expect(takeOver([], [at(1)])).toEqual([at(1)])
    expect(takeOver([at(1)], [])).toEqual([at(1)])
  })
})
