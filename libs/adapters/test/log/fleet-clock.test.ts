import { STREAMS, type ServiceName } from '@agentfleet/protocol'
import { createLogger, systemClock } from '@agentfleet/runtime'
import { startSecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFleetClock } from '../../src/index.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const DAY_MS = 86_400_000
/** Two clocks of one machine differ by less, also when it is busy, milliseconds. */
const NEAR_MS = 10_000

let servers: Awaited<ReturnType<typeof startSecuredServers>>
beforeAll(async () => {
  servers = await startSecuredServers({ log })
})
afterAll(() => servers[Symbol.asyncDispose]())

/** A clock of a service, with the rights of its user, on a machine whose clock is ahead by so much. */
async function clockOf(service: ServiceName, stream: string, aheadMs: number) {
  const bus = await servers.connect(service)
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs }
  const closers = {
    add: <T extends { close(): Promise<void> }>(one: T): T => {
      servers.closing(one)
      return one
    },
  }
  return openFleetClock(stream, { bus, clock, log, closers })
}

/** The stream that each service asks; a node hears the time from coordinators, which read the log. */
const ASKED: Partial<Record<ServiceName, string>> = {
  gateway: STREAMS.log,
  'load-balancer': STREAMS.tasks,
  'health-monitor': STREAMS.tasks,
  recovery: STREAMS.ops,
  autoscaler: STREAMS.ops,
}

test.each(
  Object.entries(ASKED).flatMap(([service, stream]) => [
    [service as ServiceName, 'ahead', stream, DAY_MS] as const,
    [service as ServiceName, 'behind', stream, -DAY_MS] as const,
  ]),
)(
  'the clock of the service %s says the time of nats-server when the clock of its machine is a day %s',
  async (service, _, stream, aheadMs) => {
    const clock = await clockOf(service, stream, aheadMs)
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(NEAR_MS)
  },
)

test('a service whose stream does not exist yet keeps the clock of its machine', async () => {
  const clock = await clockOf('coordinator', 'NONE', DAY_MS)
  expect(clock.nowMs() - Date.now()).toBeGreaterThan(DAY_MS - NEAR_MS)
})
