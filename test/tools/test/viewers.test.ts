import type { Client } from '@agentfleet/client'
import { expect, test } from 'vitest'
import { startViewers } from '../src/chaos/viewers.ts'
import type { Histories, LoggedEvent } from '../src/invariants/logged-event.ts'

/** Frames of events with these sequences, and then silence unless the watch is over. */
function clientOf(seqs: readonly number[], over: boolean): Pick<Client, 'watch'> {
  return {
    async *watch([taskId = ''], { signal } = {}) {
      for (const seq of seqs)
        yield { type: 'event', taskId, seq, event: { type: 'submitted', atMs: 0 } }
      if (over) return
      await new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(new Error('aborted'))),
      )
    },
  }
}

const stored = [3, 5].map((seq): LoggedEvent => ({ type: 'submitted', seq, atMs: 0 }))

test.each([
  ['all events up to the end', [3, 5], true, 0],
  ['no end, and waits for it', [3], false, 1],
  ['an event twice', [3, 3, 5], true, 1],
  ['events in another order', [5, 3], true, 1],
])('the check of I10 judges a viewer that gets %s', async (_, seqs, over, violations) => {
  const viewers = startViewers([clientOf(seqs, over)])
  const histories: Histories = new Map([['t20', stored]])
  for (let n = 1; n <= 20; n += 1) viewers.follow(`t${n}`)
  expect(viewers.count()).toBe(1)
  expect(await viewers.check(histories, 10)).toHaveLength(violations)
})
