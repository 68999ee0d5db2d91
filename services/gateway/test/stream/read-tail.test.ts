import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { readTail } from '../../src/stream/read-tail.ts'

const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })

test('a tail that cannot be read at once is read again until it is current', async () => {
  let failures = 1
  const tail = readTail(
    {
      stuckForMs: () => 0,
      async caughtUp() {
        if (failures-- > 0) throw new Error('NATS is away')
      },
      async close() {},
    },
    'API keys',
    log,
  )
  expect(tail.current()).toBe(false)
  await tail.caughtUp()
  expect([tail.current(), failures]).toEqual([true, -1])
})

test('a tail that is closed is not read again', async () => {
  let reads = 0
  const tail = readTail(
    {
      stuckForMs: () => 0,
      async caughtUp() {
        reads += 1
        throw new Error('NATS is away')
      },
      async close() {},
    },
    'API keys',
    log,
  )
  await tail.close()
  await tail.caughtUp()
  expect([tail.current(), reads]).toEqual([false, 1])
})

test('a tail is outdated until it has read what was stored before the start, and while it is stuck', async () => {
  let stuckForMs = 0
  const tail = readTail(
    { stuckForMs: () => stuckForMs, async caughtUp() {}, async close() {} },
    'API keys',
    log,
  )
  expect(tail.outdated()).toBe(true)
  await tail.caughtUp()
  expect(tail.outdated()).toBe(false)
  stuckForMs = 60_000
  expect(tail.outdated()).toBe(true)
})
