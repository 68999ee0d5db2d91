import { STREAMS } from '@agentfleet/protocol'
import { eventually, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import {
  connectBus,
  openKeys,
  openSchedules,
  provisionStreams,
  type Logger,
} from '../../src/index.ts'
import { KEY, SCHEDULE } from '../log/stored-items.ts'

const MIB = 1024 ** 2
const SIZES = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }
const quiet = (): void => undefined
const LOG: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }

async function setup() {
  const servers = await startTestServers(['nats'])
  const { url } = servers.nats
  const bus = await connectBus({ url, name: 'test', inboxPrefix: '_INBOX_test', log: LOG })
  return {
    servers,
    bus,
    schedules: openSchedules(bus),
    keys: openKeys(bus),
    async [Symbol.asyncDispose]() {
      await bus.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}

test('a deleted schedule and a purged key stay away when nats-server is killed', async () => {
  await using bench = await setup()
  const { servers, bus, schedules, keys } = bench
  await provisionStreams(bus, SIZES, LOG)
  for (const name of ['kept', 'deleted']) await schedules.put('t', name, SCHEDULE)
  const { seq } = await schedules.get('t', 'deleted')
  await schedules.put('t', 'deleted', undefined, seq)
  await schedules.forget('t', 'deleted', (await schedules.get('t', 'deleted')).seq)
  await keys.store(KEY, 0)
  await keys.store({ ...KEY, revokedAtMs: 2 }, (await keys.last(KEY.id))!.seq)
  await keys.forget((await keys.last(KEY.id))!)
  servers.nats.kill('SIGKILL')
  await servers.nats.restart()
  await eventually(async () => {
    expect(await schedules.names('t')).toEqual(['kept'])
    expect(await keys.last(KEY.id)).toBeUndefined()
  })
})

test('the stream of schedules holds one message of each subject, also if an earlier release made the stream', async () => {
  await using bench = await setup()
  const { bus, schedules } = bench
  const manager = await bus.nats.jetstreamManager()
  await manager.streams.add({
    name: STREAMS.schedules,
    subjects: ['schedules.>'],
    max_msgs_per_subject: 1,
  })
  await provisionStreams(bus, SIZES, LOG)
  let seq = 0
  for (const tickMs of [1, 2, 3]) {
    await schedules.put('t', 'a', { ...SCHEDULE, atMs: tickMs }, seq)
    seq = (await schedules.get('t', 'a')).seq
  }
  const { state } = await manager.streams.info(STREAMS.schedules)
  expect([state.messages, (await schedules.get('t', 'a')).schedule?.atMs]).toEqual([1, 3])
})
