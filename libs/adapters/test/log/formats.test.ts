import {
  ALL_CHANNELS,
  filledIn,
  FORMATS,
  STREAM_KINDS,
  STREAMS,
  SUBJECTS,
  type StreamName,
} from '@agentfleet/protocol'
import { startSecuredServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import {
  openAgents,
  openAuditLog,
  openIdentities,
  openKeys,
  openOps,
  openPointers,
  openSchedules,
  openTaskLog,
  provisionStreams,
  readMessage,
  requireKnownFormats,
  streamFill,
  type Bus,
  type Logger,
} from '../../src/index.ts'
import {
  AUDIT_EVENT,
  DEATH,
  decisionOf,
  incidentOf,
  KEY,
  OUTCOME,
  POINTER,
  SCHEDULE,
} from './stored-items.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const MIB = 1024 ** 2
const SIZES = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }
const EVENT = { type: 'cancelled', atMs: 1, reason: 'r' } as const

/** Stores one item on each channel that a stream keeps. */
async function storeOneOfEach(bus: Bus): Promise<void> {
  const schedules = openSchedules(bus)
  const ops = openOps(bus)
  await openTaskLog(bus).append('t1', EVENT, { expectSeq: 0, messageId: 'm', deadlineMs: 5_000 })
  await openPointers(bus).issueSurely(POINTER, 'medium')
  await openAgents(bus).store({ tenant: 'acme', name: 'a', version: 1, atMs: 1, definition: {} }, 0)
  await schedules.put('acme', 's', SCHEDULE, 0)
  await schedules.noteRun('acme', 's', { tickMs: 1, skipped: true, atMs: 1 }, 0)
  await schedules.noteManualRun('acme', 's', { atMs: 1, taskId: 't1' })
  await openKeys(bus).store(KEY, 0)
  await openAuditLog(bus).append(AUDIT_EVENT)
  await openIdentities(bus).bind('n1', 'digest', 1)
  await ops.declareDead(DEATH)
  await ops.record(SUBJECTS.opsDecision('autoscaler'), decisionOf('d1'))
  await ops.record(SUBJECTS.opsOutcome('autoscaler'), OUTCOME)
  await ops.record(SUBJECTS.opsState('autoscaler'), { level: 1 })
  await ops.writeIncident(incidentOf('i1'), 0)
}

test('each item that a stream keeps contains its format number, whatever channel it is on', async () => {
  await using servers = await startSecuredServers({ log: silent })
  const { bus } = servers
  await storeOneOfEach(bus)
  const kept = ALL_CHANNELS.filter(({ stream }) => stream !== undefined)
  for (const { name, stream, subject } of kept) {
    const query = { last_by_subj: filledIn(subject) }
    const message = await readMessage(bus, stream ?? '', query)
    const format = FORMATS[STREAM_KINDS[stream ?? 'LOG']]
    expect([name, JSON.parse(message?.text ?? '{}')]).toMatchObject([name, { format }])
  }
  const counts = await Promise.all(
    Object.values(STREAMS).map(async (stream) => (await streamFill(bus, stream)).messages),
  )
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(kept.length)
})

test('a stored item of a newer release is refused when the service reads the item, and an older item is read', async () => {
  await using servers = await startSecuredServers({ log: silent })
  const { bus } = servers
  // An item from before formats existed, and one of a future release.
  await bus.nats.jetstream().publish('log.old', JSON.stringify(EVENT))
  const format = FORMATS.event + 1
  await bus.nats.jetstream().publish('log.new', JSON.stringify({ ...EVENT, format }))
  const log = openTaskLog(bus)
  expect((await log.last('old'))?.event).toEqual(EVENT)
  await expect(log.last('new')).rejects.toMatchObject({ code: 'newer-format' })

  const agents = openAgents(bus)
  await agents.store({ tenant: 'acme', name: 'writer', version: 1, atMs: 1, definition: {} }, 0)
  const { seq: _seq, ...read } = (await agents.last('acme', 'writer')) ?? { seq: 0 }
  expect(read).toEqual({ tenant: 'acme', name: 'writer', version: 1, atMs: 1, definition: {} })
})

test('a service refuses to start if any stream may hold items of a newer release', async () => {
  await using servers = await startSecuredServers({ log: silent })
  const { bus } = servers
  const manager = await bus.nats.jetstreamManager()
  const note = async (stream: StreamName, format: number): Promise<void> => {
    const { config } = await manager.streams.info(stream)
    const metadata = { ...config.metadata, 'agentfleet-format': String(format) }
    await manager.streams.update(stream, { ...config, metadata })
  }
  await requireKnownFormats(bus)
  for (const stream of Object.values(STREAMS)) {
    const known = FORMATS[STREAM_KINDS[stream]]
    await note(stream, known + 1)
    const refusal = { code: 'newer-format', message: expect.stringContaining(stream) as string }
    await expect(requireKnownFormats(bus)).rejects.toMatchObject(refusal)
    await expect(provisionStreams(bus, SIZES, silent)).rejects.toMatchObject(refusal)
    await note(stream, known)
  }
  await requireKnownFormats(bus)
})
