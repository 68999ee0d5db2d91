import { expect, test } from 'vitest'
import { createKnownFates, KNOWN_MAX } from '../../src/due/known-fates.ts'

type Sources = Parameters<typeof createKnownFates>[0]

/** A log in which every task has ended, and the tasks that were read from it. */
function endedTasks() {
  const reads: string[] = []
  const last = (taskId: string) => {
    reads.push(taskId)
    return Promise.resolve({ seq: 1, event: { type: 'cancelled', atMs: 1, reason: 'r' } })
  }
  const sources = { taskLog: { last }, store: { load: () => Promise.resolve(undefined) } }
  return { reads, fates: createKnownFates(sources as unknown as Sources) }
}

const idsOf = (tenant: string, count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, at) => `${tenant}-${from + at}`)

test('a coordinator remembers a bounded number of ends of tasks, and a busy tenant does not push out those of a quiet tenant (L7)', async () => {
  const { reads, fates } = endedTasks()
  const ask = (tenant: string, ids: readonly string[]) => fates.of(tenant, ids, () => false, 'gone')
  const quiet = idsOf('quiet', 100)
  expect((await ask('quiet', quiet)).get('quiet-0')).toBe('cancelled')
  for (let from = 0; from < 2 * KNOWN_MAX; from += 1_000) {
    await ask('busy', idsOf('busy', 1_000, from))
  }
  expect(fates.size()).toBe(KNOWN_MAX)
  reads.length = 0
  await ask('quiet', quiet)
  expect(reads).toEqual([])
  // An end that was forgotten is read again.
  expect((await ask('busy', ['busy-0'])).get('busy-0')).toBe('cancelled')
  expect(reads).toEqual(['busy-0'])
})

test('the end of a task is read once for all tasks that ask at the same time, and an open task is not read', async () => {
  const { reads, fates } = endedTasks()
  const isOpen = (id: string) => id === 'open'
  const asks = Array.from({ length: 10 }, () =>
    fates.of('t', ['ended', 'open', 'ended'], isOpen, 'gone'),
  )
  for (const found of await Promise.all(asks)) {
    expect(Object.fromEntries(found)).toEqual({ ended: 'cancelled', open: 'open' })
  }
  expect(reads).toEqual(['ended'])
})
