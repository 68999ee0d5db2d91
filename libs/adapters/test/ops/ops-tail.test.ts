import { STREAMS, SUBJECTS } from '@agentfleet/protocol'
import { eventually, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import {
  connectBus,
  openOps,
  provisionStreams,
  tailOps,
  type Logger,
  type OpsEntry,
} from '../../src/index.ts'
import { decisionOf as decision, incidentOf as incident } from '../log/stored-items.ts'

const MIB = 1024 ** 2
const sizes = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: 64 * MIB, replicas: 1 }

async function setup() {
  const servers = await startTestServers(['nats'])
  const lines: string[] = []
  const log: Logger = {
    debug() {},
    info() {},
    warn: (_fields, message) => void lines.push(String(message)),
    error: (_fields, message) => void lines.push(String(message)),
  }
  const connect = (name: string) =>
    connectBus({ url: servers.nats.url, name, inboxPrefix: `_INBOX_${name}`, log })
  const [bus, other] = await Promise.all([connect('test'), connect('other')])
  const seen: OpsEntry[] = []
  return {
    servers,
    bus,
    other,
    ops: openOps(other),
    lines,
    seen,
    ids: () =>
      seen.map((entry) => {
        if (entry.kind === 'decision') return entry.decision.id
        return entry.kind === 'incident'
          ? `${entry.incident.id}:${entry.incident.state}`
          : 'outcome'
      }),
    provide: () => provisionStreams(other, sizes, log),
    follow: (readBack: number) =>
      tailOps(bus, { readBack, receive: (entry) => void seen.push(entry), log }),
    async [Symbol.asyncDispose]() {
      await Promise.all([bus.close(), other.close()])
      await servers[Symbol.asyncDispose]()
    },
  }
}

test('a reader of the stream OPS starts with the given number of last messages and with every stored incident', async () => {
  await using bench = await setup()
  await bench.provide()
  await bench.ops.record(SUBJECTS.opsIncident('i1'), incident('i1', 'open'))
  for (const id of ['d1', 'd2', 'd3', 'd4']) {
    await bench.ops.record(SUBJECTS.opsDecision('autoscaler'), decision(id))
  }
  const tail = bench.follow(2)
  await tail.caughtUp()
  expect(bench.ids().sort()).toEqual(['d3', 'd4', 'i1:open'])
  await bench.ops.record(SUBJECTS.opsIncident('i1'), incident('i1', 'closed'))
  await eventually(() => expect(bench.ids()).toContain('i1:closed'))
  await tail.close()
})

test('a reader of the stream OPS that starts before the stream exists reads the stream once it exists', async () => {
  await using bench = await setup()
  const tail = bench.follow(100)
  await eventually(() => expect(bench.lines.length).toBeGreaterThan(0))
  await bench.provide()
  await bench.ops.record(SUBJECTS.opsDecision('autoscaler'), decision('d1'))
  await eventually(() => expect(bench.ids()).toEqual(['d1']))
  await tail.close()
})

test('a reader of the stream OPS skips an unreadable record and logs this', async () => {
  await using bench = await setup()
  await bench.provide()
  const tail = bench.follow(100)
  const subject = SUBJECTS.opsDecision('autoscaler')
  const long = { ...decision('long'), kind: 'k', inputs: { long: 'x'.repeat(256) } }
  for (let i = 0; i < 300; i += 1) Object.assign(long.inputs, { [`f${i}`]: 'x'.repeat(256) })
  bench.other.publish(subject, '{nonsense')
  await bench.ops.record(subject, { id: 'of an unknown service' })
  await bench.ops.record(subject, long)
  await bench.ops.record(subject, decision('d1'))
  await eventually(() => expect(bench.ids()).toEqual(['d1']))
  expect(bench.lines.filter((line) => line.includes('that it cannot read'))).toHaveLength(3)
  await tail.close()
})

test('a reader of the stream OPS reads a lost message again, in the right order', async () => {
  await using bench = await setup()
  await bench.provide()
  const tail = bench.follow(100)
  const record = (id: string) => bench.ops.record(SUBJECTS.opsDecision('autoscaler'), decision(id))
  await record('d1')
  await eventually(() => expect(bench.ids()).toEqual(['d1']))
  const manager = await bench.other.nats.jetstreamManager()
  const consumers = await manager.consumers.list(STREAMS.ops).next()
  // The thief asks first for each message that the tail asks for next.
  let stolen = 0
  bench.other.subscribe('thief', () => (stolen += 1))
  for (const { name } of consumers.filter(({ name }) => name.startsWith('follow-'))) {
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${STREAMS.ops}.${name}`
    bench.other.publish(subject, JSON.stringify({ batch: 2, expires: 30_000_000_000 }), 'thief')
  }
  await bench.other.roundTrip(5_000)
  for (const id of ['d2', 'd3', 'd4', 'd5', 'd6']) await record(id)
  await eventually(() => expect(bench.ids()).toEqual(['d1', 'd2', 'd3', 'd4', 'd5', 'd6']))
  expect(stolen).toBeGreaterThan(0)
  await tail.close()
})

test('a reader of the stream OPS continues after nats-server was killed', async () => {
  await using bench = await setup()
  await bench.provide()
  const tail = bench.follow(100)
  const record = (id: string) => bench.ops.record(SUBJECTS.opsDecision('autoscaler'), decision(id))
  await record('d1')
  await eventually(() => expect(bench.ids()).toEqual(['d1']))
  bench.servers.nats.kill('SIGKILL')
  await bench.servers.nats.restart()
  await eventually(() => record('d2'))
  await eventually(() => expect(bench.ids().at(-1)).toBe('d2'))
  expect(new Set(bench.ids()).size).toBeLessThanOrEqual(2)
  await tail.close()
})
