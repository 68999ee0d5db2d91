import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acceptAttempt } from '../../src/index.ts'

describe('acceptAttempt', () => {
  const room = { slots: 2, active: 1, draining: false }

  test.each([
    ['takes a task while a slot is free', room, 'start', 'free-slot'],
    ['does not take a task without a free slot', { ...room, active: 2 }, 'refuse', 'no-slot'],
    ['does not take a task while it drains', { ...room, draining: true }, 'refuse', 'draining'],
    ['keeps a task that runs already', { ...room, runningToken: 7 }, 'keep', 'already-runs'],
    [
      'keeps a task that runs already even while it drains',
      { ...room, draining: true, runningToken: 9 },
      'keep',
      'already-runs',
    ],
    [
      'lets a newer token take the place of the run it replaces',
      { slots: 1, active: 1, draining: false, runningToken: 6 },
      'start',
      'newer-token',
    ],
  ])('depends on the slots of the node and its runs: it %s', (_title, given, kind, reason) => {
    expect(acceptAttempt(given, 7)).toEqual({ kind, reason })
  })

  test('never starts a new task when all slots are in use', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(200), fc.boolean(), (slots, active, draining) => {
        const { kind } = acceptAttempt({ slots, active, draining }, 1)
        return (kind === 'start') === (!draining && active < slots)
      }),
    )
  })
})
