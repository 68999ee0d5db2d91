import { FORMATS, STREAMS } from '@agentfleet/protocol'
import { startSecuredServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import {
  openAgents,
  openTaskLog,
  provisionStreams,
  requireKnownFormats,
  type Logger,
} from '../../src/index.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const MIB = 1024 ** 2
const SIZES = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }

test('a stored item of a newer release is refused at the start of a service and when the service reads the item, and an older item is read', async () => {
  await using servers = await startSecuredServers({ log: silent })
  const { bus } = servers
  const stored = Object.values(STREAMS)
  await requireKnownFormats(bus, stored)

  // An item from before formats existed, and one of a future release.
  const event = { type: 'cancelled', atMs: 1, reason: 'r' }
  const manager = await bus.nats.jetstreamManager()
  await bus.nats.jetstream().publish('log.old', JSON.stringify(event))
  const format = FORMATS.event + 1
  await bus.nats.jetstream().publish('log.new', JSON.stringify({ ...event, format }))
  const log = openTaskLog(bus)
  expect((await log.last('old'))?.event).toEqual(event)
  await expect(log.last('new')).rejects.toMatchObject({ code: 'newer-format' })

  const agents = openAgents(bus)
  await agents.store({ tenant: 'acme', name: 'writer', version: 1, atMs: 1, definition: {} }, 0)
  const { seq: _seq, ...read } = (await agents.last('acme', 'writer')) ?? { seq: 0 }
  expect(read).toEqual({ tenant: 'acme', name: 'writer', version: 1, atMs: 1, definition: {} })

  const { config } = await manager.streams.info(STREAMS.log)
  const metadata = { ...config.metadata, 'agentfleet-format': String(format) }
  await manager.streams.update(STREAMS.log, { ...config, metadata })
  const refusal = { code: 'newer-format', message: expect.stringContaining('newer') as string }
  await expect(requireKnownFormats(bus, stored)).rejects.toMatchObject(refusal)
  await expect(provisionStreams(bus, SIZES, silent)).rejects.toMatchObject(refusal)
})
