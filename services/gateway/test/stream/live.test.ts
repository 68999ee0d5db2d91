import { connectBus } from '@agentfleet/adapters'
import { createLogger } from '@agentfleet/runtime'
import { eventually, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { followLive } from '../../src/stream/live.ts'

const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
/** Milliseconds within which a client notices a restart of its server. */
const RECONNECT_WITHIN_MS = 20_000

test('after the gateway has reconnected to the bus, every reader of live events learns that it may have missed events (L6)', async () => {
  await using servers = await startTestServers(['nats'])
  const { url } = servers.nats
  const bus = await connectBus({ url, name: 'test', inboxPrefix: '_INBOX_t', log })
  const missed = { streams: 0, requests: 0 }
  const sinkOf = (name: keyof typeof missed) => ({
    wants: () => false,
    deliver: () => undefined,
    missed: () => void (missed[name] += 1),
  })
  const live = followLive({ bus, sinks: [sinkOf('streams'), sinkOf('requests')], log })
  await servers.nats.restart()
  await eventually(() => expect(missed).toEqual({ streams: 1, requests: 1 }), RECONNECT_WITHIN_MS)
  live.close()
  await bus.close()
})
