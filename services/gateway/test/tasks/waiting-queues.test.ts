import { manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createHeldRequests } from '../../src/tasks/held-requests.ts'
import { createWaiting } from '../../src/tasks/waiting-queues.ts'

const MIB = 1024 * 1024

function setup(tenants = 2) {
  return createWaiting({
    heldRequests: createHeldRequests(() => tenants),
    reader: { load: () => Promise.reject(new Error('nothing is read')) },
    limits: new Map(),
    tenants: () => tenants,
    clock: manualClock(),
  })
}

test('the bodies of held requests take at most 64 MiB together, and a held request that was closed makes room for others (L7)', () => {
  const waiting = setup(1)
  const held = Array.from({ length: 64 }, (_, at) => waiting.open('a', `t${at}`, MIB))
  expect(held).not.toContain(undefined)
  expect(waiting.open('b', 'other', MIB)).toBeUndefined()
  held[0]?.close()
  expect(waiting.open('b', 'other', MIB)).toBeDefined()
})

test('a tenant has at most 5,000 held requests at a gateway, so that another tenant finds room (L7)', () => {
  const waiting = setup()
  const held = Array.from({ length: 5_001 }, (_, at) => waiting.open('a', `t${at}`, 1))
  expect(held.filter((each) => each !== undefined)).toHaveLength(5_000)
  expect(waiting.open('b', 'other', 1)).toBeDefined()
})

test('the large bodies of one tenant leave room for the held requests of another tenant (L7)', () => {
  const waiting = setup()
  const held = Array.from({ length: 64 }, (_, at) => waiting.open('a', `t${at}`, MIB))
  expect(held.filter((each) => each !== undefined)).toHaveLength(32)
  expect(waiting.open('b', 'other', MIB)).toBeDefined()
  for (const each of held.slice(0, 2)) each?.close()
  expect(waiting.open('a', 'later', MIB)).toBeDefined()
})
