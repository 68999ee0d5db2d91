import { transition, type Submitted, type TaskEvent } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { createHeldRequests } from '../../src/tasks/held-requests.ts'

const submitted: Submitted = {
  type: 'submitted',
  atMs: 1,
  tenant: 'default',
  specHash: '',
  spec: {
    task: 'x',
    agent: 'a',
    model: 'm',
    cpu: 'low',
    memory: 'low',
    priority: 'low',
    timeoutMs: 1_000,
    maxAttempts: 1,
  },
}
const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
const completed: TaskEvent = {
  type: 'completed',
  atMs: 2,
  attempt: 1,
  node: 'n',
  result: 42,
  usage,
}

function setup(tenants = 1) {
  const heldRequests = createHeldRequests(() => tenants)
  const first = transition('t', undefined, submitted, 1)
  if (first.kind !== 'applied') throw new Error('a submission begins a history')
  return { heldRequests, record: first.record }
}

test('a held request does not miss an end event that arrives before the wait', async () => {
  const { heldRequests, record } = setup()
  const waiter = heldRequests.open('a', 't')
  heldRequests.deliver('t', completed, 2, 100)
  expect(await waiter.news(60_000)).toBe('over')
  expect(waiter.fold(record)).toMatchObject({ state: 'completed', result: 42, seq: 2 })
})

test('every held request of a task gets its end event, and no other request does', async () => {
  const { heldRequests } = setup()
  const [one, two] = [heldRequests.open('a', 't'), heldRequests.open('a', 't')]
  const other = heldRequests.open('a', 'u')
  const both = Promise.all([one.news(60_000), two.news(60_000)])
  heldRequests.deliver('t', completed, 2, 100)
  expect(await both).toEqual(['over', 'over'])
  expect(await other.news(0)).toBe('late')
})

test('L6: after missed events a held request reads its task from the log, and continues to wait if the task has not ended', async () => {
  const { heldRequests, record } = setup()
  const waiter = heldRequests.open('a', 't')
  const woken = waiter.news(60_000)
  heldRequests.missed()
  expect(await woken).toBe('missed')
  expect(waiter.fold(record)).toBeUndefined()
  expect(await waiter.news(0)).toBe('late')
  heldRequests.missed()
  expect(await waiter.news(60_000)).toBe('missed')
})

test('a held request that was closed no longer waits for the end of its task', () => {
  const { heldRequests } = setup()
  const [one, two] = [heldRequests.open('a', 't'), heldRequests.open('a', 't')]
  one.close()
  one.close()
  expect([heldRequests.count(), heldRequests.wants('t', false)]).toEqual([1, true])
  two.close()
  expect([heldRequests.count(), heldRequests.wants('t', false)]).toEqual([0, false])
})

test('a stop of the gateway process ends the wait of every held request', async () => {
  const { heldRequests } = setup()
  const news = heldRequests.open('a', 't').news(60_000)
  heldRequests.releaseAll()
  expect(await news).toBe('over')
})

test('L7: held requests keep at most 64 MiB of end events in memory, and read further end events from the log', async () => {
  const { heldRequests, record } = setup()
  const waiters = Array.from({ length: 70 }, () => heldRequests.open('a', 't'))
  heldRequests.deliver('t', completed, 2, 1024 * 1024)
  const folded = waiters.filter((waiter) => waiter.fold(record) !== undefined)
  expect(folded).toHaveLength(64)
  expect(await waiters.at(-1)?.news(0)).toBe('over')
  for (const waiter of waiters) waiter.close()
  const next = heldRequests.open('a', 't')
  heldRequests.deliver('t', completed, 2, 1024 * 1024)
  expect(next.fold(record)).toMatchObject({ state: 'completed' })
})

test('L7: large end events that the held requests of one tenant keep leave room for those of another tenant', () => {
  const { heldRequests, record } = setup(2)
  const busy = Array.from({ length: 70 }, () => heldRequests.open('busy', 't'))
  heldRequests.deliver('t', completed, 2, 1024 * 1024)
  expect(busy.filter((waiter) => waiter.fold(record) !== undefined)).toHaveLength(32)
  const quiet = Array.from({ length: 16 }, () => heldRequests.open('quiet', 'u'))
  heldRequests.deliver('u', completed, 3, 1024 * 1024)
  expect(quiet.filter((waiter) => waiter.fold(record) === undefined)).toEqual([])
})
