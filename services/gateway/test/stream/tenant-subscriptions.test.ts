import { PLAIN_SPEC } from '@agentfleet/testkit'
import { transition, type TaskEvent, type TaskRecord } from '@agentfleet/domain'
import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import type { Viewer } from '../../src/stream/subscriptions.ts'
import { createTenantSubscriptions } from '../../src/stream/tenant-subscriptions.ts'

const MIB = 1024 * 1024
const submittedBy = (tenant: string): TaskEvent => ({
  type: 'submitted',
  tenant,
  atMs: 1,
  spec: PLAIN_SPEC,
  specHash: 'h',
})
const started: TaskEvent = { type: 'attempt-started', atMs: 2, attempt: 2, node: 'n1' }

function recordOf(tenant: string): TaskRecord {
  const first = transition('t', undefined, submittedBy(tenant), 1)
  if (first.kind !== 'applied') throw new Error('the fixture is wrong')
  return first.record
}

/** A viewer that remembers what it got. */
function viewerOf(tenant: string) {
  const sent: string[] = []
  const refused: string[] = []
  const viewer: Viewer = {
    tenant,
    send: (frame) => void sent.push(frame.toString()),
    ready: () => Promise.resolve(),
    hint: () => true,
    refuse: (_taskId, code) => void refused.push(code),
    forget: () => undefined,
  }
  return { viewer, sent, refused }
}

/** Subscriptions whose look-ups wait until `answer`; tasks whose name begins with `quiet` belong to that tenant. */
function setup(owner: string) {
  const looked: string[] = []
  const ownerOf = (taskId: string) => (taskId.startsWith('quiet') ? 'quiet' : owner)
  const waiting: (() => void)[] = []
  const subscriptions = createTenantSubscriptions({
    reader: {
      load(taskId) {
        looked.push(taskId)
        return new Promise((resolve) => waiting.push(() => resolve(recordOf(ownerOf(taskId)))))
      },
    },
    onlyTenant: undefined,
    log: createLogger({ service: 'gateway', id: 'test', level: 'silent' }),
  })
  const answer = async () => {
    do {
      for (const resolve of waiting.splice(0)) resolve()
      await new Promise((resolve) => setImmediate(resolve))
    } while (waiting.length > 0)
  }
  return { subscriptions, looked, answer }
}

test('events that wait until their tenant is known take at most 16 MiB, and viewers learn that they missed events (L7)', async () => {
  const { subscriptions, answer } = setup('a')
  const { viewer, sent, refused } = viewerOf('a')
  subscriptions.follow(viewer)
  for (let seq = 1; seq <= 40; seq += 1) {
    subscriptions.deliver(`t${seq % 4}`, started, seq, MIB)
  }
  // A task whose event is small finds room behind those with large events.
  subscriptions.deliver('t-small', started, 41, 1_000)
  await answer()
  // Of each of the four tasks the first three events.
  expect(sent).toHaveLength(13)
  // One error for each task of which events were missed.
  expect(refused).toEqual(Array.from({ length: 4 }, () => 'events-missed'))
  subscriptions.deliver('t9', started, 50, MIB)
  await answer()
  expect([sent.length, refused.length]).toEqual([14, 4])
})

test('a tenant with more tasks than the gateway remembers loses its own oldest, and the events of another tenant need no look-up (L7)', async () => {
  const { subscriptions, looked } = setup('busy')
  const quiet = viewerOf('quiet')
  subscriptions.follow(quiet.viewer)
  subscriptions.deliver('of-quiet', submittedBy('quiet'), 1, 100)
  for (let at = 0; at < 100_000; at += 1) {
    subscriptions.deliver(`busy-${at}`, submittedBy('busy'), 2 + at, 100)
  }
  subscriptions.deliver('of-quiet', started, 200_000, 100)
  expect(quiet.sent).toHaveLength(2)
  subscriptions.deliver('busy-99999', started, 200_001, 100)
  subscriptions.deliver('busy-0', started, 200_002, 100)
  await expect.poll(() => looked).toEqual(['busy-0'])
})

test('look-ups of a thousand tasks of one tenant cost the viewers of another tenant no event and no error (L7)', async () => {
  const { subscriptions, answer } = setup('busy')
  const [busy, quiet] = [viewerOf('busy'), viewerOf('quiet')]
  for (const { viewer } of [busy, quiet]) subscriptions.follow(viewer)
  subscriptions.deliver('of-quiet', submittedBy('quiet'), 1, 100)
  for (let at = 0; at < 1_000; at += 1) {
    for (let seq = 1; seq <= 65; seq += 1) {
      subscriptions.deliver(`busy-${at}`, started, at * 100 + seq, 100)
    }
  }
  subscriptions.deliver('of-quiet', started, 200_000, 100)
  await answer()
  expect([quiet.sent.length, quiet.refused]).toEqual([2, []])
  // Of each task 64 events wait.
  expect([busy.sent.length, busy.refused.length]).toEqual([64_000, 1_000])
})

test('however many unknown tasks of a tenant have events, only the viewers of tenants that missed some get an error (L7)', async () => {
  const { subscriptions, answer } = setup('busy')
  const [busy, quiet, other] = [viewerOf('busy'), viewerOf('quiet'), viewerOf('other')]
  for (const { viewer } of [busy, quiet, other]) subscriptions.follow(viewer)
  for (let at = 0; at < 30_000; at += 1) {
    for (const seq of [1, 2]) subscriptions.deliver(`busy-${at}`, started, 2 * at + seq, 100)
  }
  subscriptions.deliver('quiet-task', started, 100_000, 100)
  await answer()
  expect(other.refused).toEqual([])
  expect(quiet.refused).toEqual(['events-missed'])
  // About 10,000 tasks are looked up with their events.
  expect([busy.sent.length, busy.refused.length]).toEqual([2 * 10_256, 30_000 - 10_256])
})

test('if even more unknown tasks have events, the viewers of all tenants get an error when this begins and when it ends (L7)', async () => {
  const { subscriptions, answer } = setup('busy')
  const other = viewerOf('other')
  subscriptions.follow(other.viewer)
  for (let at = 0; at < 200_000; at += 1) subscriptions.deliver(`busy-${at}`, started, at + 1, 100)
  expect(other.refused).toHaveLength(1)
  await answer()
  expect(other.refused).toHaveLength(2)
  subscriptions.deliver('busy-again', started, 300_000, 100)
  await answer()
  expect(other.refused).toHaveLength(2)
})
