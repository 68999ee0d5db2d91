/** nats-server has the properties that the protocol relies on, as the servers in memory do. */
import { startTestServers, type TestServers } from '@agentfleet/testkit'
import { afterAll, beforeAll } from 'vitest'
import {
  connectBus,
  provisionStreams,
  type Bus,
  type Logger,
} from '../../../../libs/adapters/src/index.ts'
import { declareConformance } from './conformance.ts'

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const MIB = 1024 ** 2
const SIZES = { logMaxBytes: 64 * MIB, tasksMaxBytes: 64 * MIB, opsMaxBytes: MIB, replicas: 1 }

let servers: TestServers<'nats'>
beforeAll(async () => {
  servers = await startTestServers(['nats'])
  const bus = await connect('setup')
  await provisionStreams(bus, SIZES, SILENT)
  await bus.close()
})
afterAll(() => servers[Symbol.asyncDispose]())

const connect = (name: string): Promise<Bus> =>
  connectBus({ url: servers.nats.url, name, inboxPrefix: `_INBOX_${name}`, log: SILENT })

declareConformance(() => ({ connect, inside: (body) => body() }))
