import { FORMATS, STREAM_KINDS, STREAMS, SUBJECTS, type StreamName } from '@agentfleet/protocol'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  openAgents,
  openAuditLog,
  openIdentities,
  openKeys,
  openOps,
  openSchedules,
  openTaskLog,
  tailLog,
  tailOps,
  type Bus,
  type Logger,
} from '../../src/index.ts'
import { AUDIT_EVENT, DEATH, decisionOf, incidentOf, KEY, SCHEDULE } from './stored-items.ts'

/** Items that no release writes, or only a newer one: each reader skips or refuses them, and continues. */

const errors: string[] = []
const log: Logger = {
  debug() {},
  info() {},
  warn() {},
  error: (_fields, message) => void errors.push(String(message)),
}
const SKIPPED = 'The process skipped a stored item that it cannot read'

/** Larger than what any small item may have. */
const HUGE = JSON.stringify({ figures: 'x'.repeat(256 * 1024) })
const newer = (stream: StreamName): string =>
  JSON.stringify({ format: FORMATS[STREAM_KINDS[stream]] + 1 })
const hostileOn = (stream: StreamName): readonly string[] => [
  '',
  '{nonsense',
  'null',
  '[1]',
  '{"id":{},"type":1,"runs":1,"spec":[],"removed":"x"}',
  HUGE,
  HUGE.slice(0, -2),
  newer(stream),
]

let servers: SecuredServers
let bus: Bus
beforeAll(async () => {
  servers = await startSecuredServers({ log })
  bus = servers.bus
})
afterAll(() => servers[Symbol.asyncDispose]())

const store = async (subject: string, text: string): Promise<void> => {
  await bus.nats.jetstream().publish(subject, text)
}

interface Reader {
  readonly what: string
  readonly stream: StreamName
  readonly subject: string
  readonly read: () => Promise<unknown>
  /** What the reader gives for an unreadable item; nothing: it refuses the item. */
  readonly gives?: unknown
}

const READERS: readonly Reader[] = [
  {
    what: 'the last death of a node',
    stream: STREAMS.ops,
    subject: SUBJECTS.opsNode('n1'),
    read: () => openOps(bus).lastDeath('n1'),
    gives: undefined,
  },
  {
    what: 'the last decision of a service',
    stream: STREAMS.ops,
    subject: SUBJECTS.opsDecision('autoscaler'),
    read: () => openOps(bus).lastDecision('autoscaler'),
    gives: undefined,
  },
  {
    what: 'an incident',
    stream: STREAMS.ops,
    subject: SUBJECTS.opsIncident('i1'),
    read: async () => (await openOps(bus).lastIncident('i1')).incident,
    gives: undefined,
  },
  {
    what: 'the owner of the name of a node',
    stream: STREAMS.ops,
    subject: SUBJECTS.opsIdentity('n1'),
    read: () => openIdentities(bus).known('n1'),
  },
  {
    what: 'an event of a task',
    stream: STREAMS.log,
    subject: SUBJECTS.log('t1'),
    read: () => openTaskLog(bus).last('t1'),
  },
  {
    what: 'an agent definition',
    stream: STREAMS.agents,
    subject: SUBJECTS.agent('acme', 'a'),
    read: () => openAgents(bus).last('acme', 'a'),
  },
  {
    what: 'a key',
    stream: STREAMS.keys,
    subject: SUBJECTS.key('k1'),
    read: () => openKeys(bus).last('k1'),
  },
  {
    what: 'a schedule',
    stream: STREAMS.schedules,
    subject: SUBJECTS.schedule('acme', 's'),
    read: () => openSchedules(bus).get('acme', 's'),
  },
  {
    what: 'the last tick of a schedule',
    stream: STREAMS.schedules,
    subject: SUBJECTS.scheduleRun('acme', 's'),
    read: () => openSchedules(bus).lastRun('acme', 's'),
    gives: undefined,
  },
  {
    what: 'the runs of a schedule that clients asked for',
    stream: STREAMS.schedules,
    subject: SUBJECTS.manualRuns('acme', 's'),
    read: () => openSchedules(bus).manualRuns('acme', 's'),
    gives: [],
  },
]

test.each(READERS)(
  'a reader of $what gets a clear answer for an unreadable item',
  async (reader) => {
    for (const text of hostileOn(reader.stream)) {
      await store(reader.subject, text)
      const reads = reader.read()
      const code = text === newer(reader.stream) ? 'newer-format' : 'bad-message'
      if ('gives' in reader) expect(await reads).toEqual(reader.gives)
      else await expect(reads).rejects.toMatchObject({ name: 'ServiceError', code })
    }
  },
)

test('the history of a task with an unreadable event is refused, and that of another task is read', async () => {
  const taskLog = openTaskLog(bus)
  const event = { type: 'cancelled', atMs: 1, reason: 'r' } as const
  const options = { expectSeq: 0, messageId: 'm', deadlineMs: 5_000 }
  await taskLog.append('t4', event, options)
  await taskLog.append('t5', event, { ...options, messageId: 'm5' })
  await store(SUBJECTS.log('t4'), '{nonsense')
  await expect(taskLog.history('t4')).rejects.toMatchObject({ code: 'bad-message' })
  expect(await taskLog.history('t5')).toMatchObject([{ event }])
})

describe('behind unreadable items', () => {
  test('the death of a node is stored once', async () => {
    const ops = openOps(bus)
    for (const text of hostileOn(STREAMS.ops)) await store(SUBJECTS.opsNode('n2'), text)
    const death = { ...DEATH, nodeId: 'n2' }
    expect(await ops.declareDead(death)).toBe('given')
    expect(await ops.declareDead(death)).toBe('already-given')
    expect(await ops.lastDeath('n2')).toEqual(death)
  })

  test('the decisions and incidents of the control plane are read in bounded steps', async () => {
    const ops = openOps(bus)
    const texts = hostileOn(STREAMS.ops)
    for (const text of texts) {
      await store(SUBJECTS.opsDecision('recovery'), text)
      await store(SUBJECTS.opsIncident('i2'), text)
    }
    await ops.record(SUBJECTS.opsDecision('recovery'), decisionOf('d1'))
    await ops.writeIncident(incidentOf('i2'), (await ops.lastIncident('i2')).seq)
    await store(SUBJECTS.opsState('recovery'), '{nonsense')
    expect(await ops.lastState('recovery')).toBeUndefined()
    const half = await ops.decisionsAfter('recovery', 0, 3)
    expect(half).toMatchObject({ records: [], more: true })
    const rest = await ops.decisionsAfter('recovery', half.seq, 100)
    expect(rest.records.map(({ record }) => record.id)).toEqual(['d1'])
    const { records } = await ops.incidentsAfter(undefined, 1_000)
    expect(records.map(({ record }) => record.id)).toEqual(['i2'])
  })

  test('the events of the audit log are listed', async () => {
    const audit = openAuditLog(bus)
    for (const text of hostileOn(STREAMS.audit)) await store(SUBJECTS.audit('change', 'acme'), text)
    await audit.append(AUDIT_EVENT)
    errors.length = 0
    const { events } = await audit.before(undefined, 100)
    expect(events.map(({ event }) => event)).toEqual([AUDIT_EVENT])
    expect(errors).toEqual(hostileOn(STREAMS.audit).map(() => SKIPPED))
  })

  test('the runs of a schedule that clients ask for are noted', async () => {
    const schedules = openSchedules(bus)
    const run = { atMs: 1, taskId: 't1' }
    expect(await schedules.noteManualRun('acme', 's', run)).toBe(true)
    expect(await schedules.manualRuns('acme', 's')).toEqual([run])
  })

  test('every follower of a stream continues', async () => {
    const seen: string[] = []
    const tails = [
      tailOps(bus, { readBack: 1_000, receive: ({ kind }) => void seen.push(kind), log }),
      openAgents(bus).follow(({ name }) => void seen.push(name), log),
      openKeys(bus).follow(({ key }) => void seen.push(key.id), log),
      openSchedules(bus).follow(({ kind, name }) => void seen.push(`${name} ${kind}`), log),
      tailLog(bus, { afterSeq: 0, receive: ({ taskId }) => void seen.push(taskId), log }),
    ]
    const before = [
      [STREAMS.ops, SUBJECTS.opsOutcome('recovery')],
      [STREAMS.agents, SUBJECTS.agent('acme', 'torn')],
      [STREAMS.keys, SUBJECTS.key('torn')],
      [STREAMS.schedules, SUBJECTS.schedule('acme', 'torn')],
      [STREAMS.log, SUBJECTS.log('torn')],
    ] as const
    for (const [stream, subject] of before) {
      for (const text of hostileOn(stream)) await store(subject, text)
    }
    await openOps(bus).record(SUBJECTS.opsDecision('autoscaler'), decisionOf('d2'))
    const agent = { tenant: 'acme', name: 'a2', version: 1, atMs: 1, definition: {} }
    await openAgents(bus).store(agent, 0)
    await openKeys(bus).store({ ...KEY, id: 'k2' }, 0)
    await openSchedules(bus).put('acme', 's2', SCHEDULE, 0)
    const event = { type: 'cancelled', atMs: 1, reason: 'r' } as const
    const options = { expectSeq: 0, messageId: 'm3', deadlineMs: 5_000 }
    await openTaskLog(bus).append('t3', event, options)
    const good = ['decision', 'a2', 'k2', 's2 defined', 't3']
    await eventually(() => expect(seen).toEqual(expect.arrayContaining(good)))
    expect(seen.filter((name) => name.startsWith('torn'))).toEqual([])
    await Promise.all(tails.map((tail) => tail.close()))
  })

  test('a schedule continues after the time at which its unreadable tick was stored', async () => {
    const ticks: number[] = []
    const fromMs = Date.now()
    await store(SUBJECTS.scheduleRun('acme', 'noted'), newer(STREAMS.schedules))
    const tail = openSchedules(bus).follow((change) => {
      if (change.kind === 'ran' && change.name === 'noted') ticks.push(change.run.tickMs)
    }, log)
    await eventually(() => expect(ticks).toHaveLength(1))
    expect(Math.abs(ticks[0]! - fromMs)).toBeLessThan(60_000)
    await tail.close()
  })
})
