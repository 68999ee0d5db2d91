import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { selectVictims } from '../../src/index.ts'

describe('the choice of the nodes to stop', () => {
  const node = fc.record({
    id: fc.string({ minLength: 1, maxLength: 6 }),
    active: fc.nat(5),
    startedAtMs: fc.nat(5),
  })
  const nodes = fc.uniqueArray(node, { selector: ({ id }) => id, maxLength: 12 })

  test('takes nodes that never served a task, then idle nodes, then the nodes that finish soonest, and the newest node first', () => {
    const given = [
      { id: 'a', active: 2, startedAtMs: 1, remainingMs: 5_000 },
      { id: 'b', active: 0, startedAtMs: 1 },
      { id: 'c', active: 0, startedAtMs: 2 },
      { id: 'd', active: 1, startedAtMs: 2, remainingMs: 60_000 },
      { id: 'e', active: 0, startedAtMs: 1, ready: false },
    ]
    expect(selectVictims(given, 5)).toEqual(['e', 'c', 'b', 'a', 'd'])
    expect(selectVictims(given, 0)).toEqual([])
    expect(selectVictims(given, -1)).toEqual([])
  })

  test('gives the same result for the same nodes in any order', () => {
    fc.assert(
      fc.property(nodes, fc.nat(5), (given, count) => {
        expect(selectVictims([...given].reverse(), count)).toEqual(selectVictims(given, count))
      }),
    )
  })

  test('never keeps a node that is less busy than a stopped node', () => {
    fc.assert(
      fc.property(nodes, fc.nat(12), (given, count) => {
        const gone = new Set(selectVictims(given, count))
        expect(gone.size).toBe(Math.min(count, given.length))
        for (const victim of given.filter(({ id }) => gone.has(id))) {
          for (const stays of given.filter(({ id }) => !gone.has(id))) {
            expect(stays.active).toBeGreaterThanOrEqual(victim.active)
          }
        }
      }),
    )
  })
})
