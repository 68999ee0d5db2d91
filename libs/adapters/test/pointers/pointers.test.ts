import { STREAMS } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { startSecuredServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { provisionStreams, streamMessages } from '../../src/index.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const MIB = 1024 ** 2
const SIZES = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }

test('the pointers can be counted before the stream of a new fleet exists', async () => {
  await using servers = await startSecuredServers({ log })
  const { bus } = servers
  const manager = await bus.nats.jetstreamManager()
  await manager.streams.delete(STREAMS.tasks)
  expect(await streamMessages(bus, STREAMS.tasks)).toBeUndefined()
  await provisionStreams(bus, SIZES, log)
  expect(await streamMessages(bus, STREAMS.tasks)).toBe(0)
})
