import type { TaskEvent, TaskFilter, TaskRecord } from '@agentfleet/domain'
import type { Pointer, Death } from '@agentfleet/protocol'
import {
  eventually,
  PLAIN_SPEC,
  recordOf,
  startTestServers,
  type TestServers,
} from '@agentfleet/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ack,
  connectBus,
  connectStore,
  createPuller,
  openOps,
  openPointerConsumers,
  openPointers,
  openTaskLog,
  provisionStreams,
  tailLog,
  type Bus,
  type Logger,
  type PulledMessage,
  type TailedEvent,
} from '../../src/index.ts'

/** The adapters against real servers. */
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const MIB = 1024 ** 2
let servers: TestServers<'nats' | 'redis'>
let bus: Bus
beforeAll(async () => {
  servers = await startTestServers(['nats', 'redis'])
  bus = await open('test')
  const sizes = { logMaxBytes: 64 * MIB, tasksMaxBytes: 64 * MIB, opsMaxBytes: MIB, replicas: 1 }
  await provisionStreams(bus, sizes, silent)
  // Provisions again, as a second coordinator would.
  await provisionStreams(bus, sizes, silent)
})
afterAll(async () => {
  await bus.close()
  await servers[Symbol.asyncDispose]()
})

const open = (name: string): Promise<Bus> =>
  connectBus({ url: servers.nats.url, name, inboxPrefix: `_INBOX_${name}`, log: silent })

const spec = PLAIN_SPEC
const submitted: TaskEvent = { type: 'submitted', atMs: 1, tenant: 't', spec, specHash: 'h' }
const cancelled: TaskEvent = { type: 'cancelled', atMs: 2, reason: 'r' }
const within = { deadlineMs: 5_000 }
const pointer = (taskId: string): Pointer => ({
  taskId,
  tenant: 't',
  seq: 1,
  cpu: 'low',
  memory: 'low',
  deadlineAtMs: 9e15,
  reissue: false,
})

describe('the log of tasks', () => {
  it('lets only one of several writers append after the same sequence, no matter what the writers append (L2)', async () => {
    const log = openTaskLog(bus)
    for (let round = 0; round < 50; round += 1) {
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, writer) =>
          log.append(`race-${round}`, submitted, {
            expectSeq: 0,
            messageId: `race-${round}-${writer}`,
            ...within,
          }),
        ),
      )
      expect(outcomes.filter(({ kind }) => kind === 'stored')).toHaveLength(1)
      expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(7)
    }
  })

  it('answers a repeated append as stored, not as a conflict (L2)', async () => {
    const log = openTaskLog(bus)
    const options = { expectSeq: 0, messageId: 'same', ...within }
    const first = await log.append('repeat', submitted, options)
    const second = await log.append('repeat', submitted, options)
    expect(first).toMatchObject({ kind: 'stored', duplicate: false })
    expect(second).toMatchObject({ kind: 'stored', duplicate: true })
    expect(await log.history('repeat')).toHaveLength(1)
  })

  it('returns the events of a task in order, and computes the record of the task from them', async () => {
    const log = openTaskLog(bus)
    const first = await log.append('story', submitted, { expectSeq: 0, messageId: 's1', ...within })
    const expectSeq = first.kind === 'stored' ? first.seq : -1
    await log.append('story', cancelled, { expectSeq, messageId: 's2', ...within })
    expect((await log.history('story')).map(({ event }) => event.type)).toEqual([
      'submitted',
      'cancelled',
    ])
    expect(await log.record('story')).toMatchObject({ state: 'cancelled' })
    expect(await log.record('nobody')).toBeUndefined()
  })

  it('delivers stored events in order and once each, even if nats-server is killed meanwhile', async () => {
    const log = openTaskLog(bus)
    const seen: TailedEvent[] = []
    const tail = tailLog(bus, { afterSeq: 0, log: silent, receive: (event) => seen.push(event) })
    await tail.caughtUp()
    const before = seen.length
    servers.nats.kill('SIGKILL')
    await servers.nats.restart()
    for (let i = 0; i < 20; i += 1) {
      await log.append(`after-${i}`, submitted, {
        expectSeq: 0,
        messageId: `a${i}`,
        deadlineMs: 15_000,
      })
    }
    await eventually(() => expect(seen.length).toBe(before + 20))
    const seqs = seen.map(({ seq }) => seq)
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
    await tail.close()
  })
})

describe('pointers', () => {
  it('exist once per task, even if a service issues the pointer of a task several times (L8)', async () => {
    const pointers = openPointers(bus)
    expect(await pointers.issueSurely(pointer('p1'), 'high')).toBe('issued')
    expect(await pointers.issueSurely(pointer('p1'), 'high')).toBe('present')
    expect(await pointers.has('high', 't', 'p1')).toBe(true)
    expect([...(await pointers.taskIds())]).toContain('p1')
    expect(await pointers.remove('high', 't', 'p1')).toBe(true)
    expect(await pointers.remove('high', 't', 'p1')).toBe(false)
  })

  it('are fetched in the requested number, and return to their queue at once when a load balancer gives them back', async () => {
    const pointers = openPointers(bus)
    for (const id of ['f1', 'f2', 'f3']) await pointers.issueSurely(pointer(id), 'low')
    await openPointerConsumers(bus).make({ tenant: 't', priority: 'low' })
    const got: PulledMessage[] = []
    let credits = 2
    const puller = createPuller(bus, {
      stream: 'TASKS',
      consumer: 'balance-low-t',
      wanted: () => credits,
      receive(message) {
        credits -= 1
        got.push(message)
      },
    })
    await eventually(() => expect(got).toHaveLength(2))
    expect(got[0]).toMatchObject({ deliveries: 1, waiting: 2 })
    ack.giveBack(bus, got[0]!.ackSubject)
    credits = 2
    puller.poke()
    await eventually(() => expect(got).toHaveLength(4))
    const again = got.filter(({ seq }) => seq === got[0]!.seq)
    expect(again.map(({ deliveries }) => deliveries)).toEqual([1, 2])
    for (const { ackSubject } of got) ack.done(bus, ackSubject)
    await eventually(async () => expect(await pointers.count()).toBe(0))
    puller.stop()
  })
})

describe('deaths', () => {
  it('are stored once for an incarnation of a node, even if several monitors declare the same death', async () => {
    const ops = openOps(bus)
    const death: Death = {
      nodeId: 'n1',
      incarnation: 5,
      state: 'dead',
      reason: 'silence',
      phi: 9,
      silentMs: 3_000,
      atMs: 1,
    }
    const answers = await Promise.all([1, 2, 3].map(() => ops.declareDead(death)))
    expect(answers.filter((answer) => answer === 'given')).toHaveLength(1)
    expect(await ops.declareDead({ ...death, incarnation: 4 })).toBe('already-given')
    expect(await ops.declareDead({ ...death, incarnation: 6 })).toBe('given')
  })
})

describe('requests over the bus', () => {
  it('fail at once when no listener exists, and time out when no listener answers', async () => {
    expect(await bus.request('nobody.here', '', 5_000)).toEqual({ kind: 'no-responders' })
    const mute = bus.subscribe('mute', () => undefined)
    expect(await bus.request('mute', '', 100)).toEqual({ kind: 'timeout' })
    mute.close()
  })
})

describe('the store in Redis', () => {
  const record = (over: Partial<TaskRecord>) => recordOf('s1', { tenant: 't', spec, ...over })

  it('replaces a record only by a newer record, and changes the lists of the task together with the record (L8)', async () => {
    const store = await connectStore({ url: servers.redis.url, log: silent })
    await store.project([record({}), record({ taskId: 's2', submittedAtMs: 2_000 })], 60_000)
    await store.project([record({ state: 'completed', seq: 7, result: 'r' })], 60_000)
    await store.project([record({ state: 'running', seq: 3 })], 60_000)
    expect(await store.load('s1')).toMatchObject({ state: 'completed', seq: 7, result: 'r' })
    const listed = async (query: { filter?: TaskFilter; limit?: number; cursor?: string }) => {
      const page = await store.search({ tenant: 't', filter: {}, limit: 10, ...query })
      return { ids: page.found.map(({ task }) => task.taskId), cursor: page.cursor }
    }
    expect((await listed({})).ids).toEqual(['s2', 's1'])
    expect((await listed({ filter: { states: ['queued'] } })).ids).toEqual(['s2'])
    const first = await listed({ limit: 1 })
    expect((await listed({ limit: 1, cursor: first.cursor! })).ids).toEqual(['s1'])
    await store.close()
  })

  it('lists small previews of large tasks, and reads records that have no preview', async () => {
    const store = await connectStore({ url: servers.redis.url, log: silent })
    const large = { ...spec, task: '漢'.repeat(100_000), context: 'y'.repeat(100_000) }
    const given = { taskId: 'p1', tenant: 'previews', spec: large }
    await store.project([record(given)], 60_000)
    const waitingFor = { kind: 'dependencies', taskIds: Array(300).fill('x'.repeat(36)) } as const
    await store.project([record({ ...given, taskId: 'p2', waitingFor })], 60_000)
    const redis = new Redis(servers.redis.url)
    // A record as an older release stored it, without a preview.
    await redis.set('task:p3', `1 queued ${JSON.stringify(record({ ...given, taskId: 'p3' }))}`)
    await redis.zadd('tasks:previews:queued', 0, '00000000001000:p3')
    await redis.quit()
    const page = await store.search({ tenant: 'previews', filter: {}, limit: 10 })
    const records = page.found.map(({ task }) => task)
    expect(records.map(({ taskId }) => taskId)).toEqual(['p3', 'p2', 'p1'])
    expect(records[2]).toEqual({
      taskId: 'p1',
      state: 'queued',
      seq: 1,
      submittedAtMs: 1_000,
      updatedAtMs: 1_000,
      attempt: 1,
      failures: 0,
      spec: {
        task: '漢'.repeat(160),
        agent: spec.agent,
        model: spec.model,
        priority: spec.priority,
      },
      kind: 'task',
      usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
    })
    expect(records[1]?.waitingFor).toEqual(waitingFor)
    expect((await store.load('p1'))?.spec).toEqual(large)
    expect((await store.load('p3'))?.spec).toEqual(large)
    await store.close()
  })

  it('lets a service start while Redis is frozen, and connects once Redis continues', async () => {
    servers.redis.kill('SIGSTOP')
    const beganAtMs = performance.now()
    const store = await connectStore({ url: servers.redis.url, log: silent })
    expect(performance.now() - beganAtMs).toBeLessThan(2_000)
    await expect(store.load('s1')).rejects.toMatchObject({ code: 'store-unavailable' })
    servers.redis.kill('SIGCONT')
    await eventually(() => expect(store.connected()).toBe(true))
    await store.project([record({ state: 'completed', seq: 7, result: 'r' })], 60_000)
    expect(await store.load('s1')).toMatchObject({ state: 'completed' })
    await store.close()
  })

  it('reports within its deadline that it is unavailable, and reconnects', async () => {
    const store = await connectStore({ url: servers.redis.url, log: silent })
    servers.redis.kill('SIGKILL')
    await eventually(async () => {
      await expect(store.load('s1')).rejects.toMatchObject({ code: 'store-unavailable' })
    })
    await servers.redis.restart()
    await eventually(async () => {
      expect(await store.load('s1')).toMatchObject({ state: 'completed' })
    })
    await store.close()
  })
})
