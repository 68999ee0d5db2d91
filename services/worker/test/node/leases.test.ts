import { ackForNodes, connectProviderLimits, openPointerAcks, type Bus } from '@agentfleet/adapters'
import { given, TIMING, type Budget } from '@agentfleet/domain'
import { CHANNELS, type Outcome, type ReportItem } from '@agentfleet/protocol'
import {
  createLogger,
  createRegistry,
  loadConfig,
  systemClock,
  type Clock,
} from '@agentfleet/runtime'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { schema } from '../../src/config.ts'
import { createNode, type Node } from '../../src/node/node.ts'
import { openNodeTools } from '../../src/tools/node-tools.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const SOON_MS = 15_000

let servers: SecuredServers<'redis'>
let worker: Bus
/** What the run of each task said of its pointer, by the task. */
const said = new Map<string, string[]>()
/** What the coordinator answers to every report. */
let answer: Outcome = { kind: 'unavailable' }
/** What it answers to the report of a failure. */
const failAnswer: Outcome = { kind: 'committed', seq: 9 }
const reports: ReportItem[] = []
let marks = 0

beforeAll(async () => {
  servers = await startSecuredServers({ log, beside: ['redis'] })
  worker = await servers.connect('worker')
  servers.bus.subscribe('$JS.ACK.TASKS.>', (message) => {
    const taskId = message.subject.split('.').at(-1) ?? ''
    said.set(taskId, [...(said.get(taskId) ?? []), message.text()])
  })
  const coordinator = await servers.connect('coordinator')
  coordinator.on(CHANNELS.report, ({ items }) => {
    reports.push(...items.filter((item) => item !== undefined))
    const outcomes = items.map((item) => (item?.op === 'fail' ? failAnswer : answer))
    return { outcomes, atMs: Date.now() }
  })
  ackForNodes(coordinator)
  expect(await coordinator.roundTrip(SOON_MS)).toBe(true)
  expect(await servers.bus.roundTrip(SOON_MS)).toBe(true)
})
afterAll(() => servers[Symbol.asyncDispose]())

/** A node without heartbeats, so that only its runs send messages. */
async function nodeOf(id: string, clock: Clock = systemClock): Promise<Node> {
  const config = loadConfig(schema, {
    SERVICE_ID: id,
    NATS_URL: servers.nats.url,
    REDIS_URL: servers.redis.url,
  })
  const shared = await connectProviderLimits({ url: config.REDIS_URL, log })
  servers.closing(shared)
  const httpFetch = {
    allowed: [],
    denied: [],
    privateRanges: [],
    bytesMax: 1_024,
    timeoutMs: 1_000,
  }
  const note = (): void => undefined
  const quiet = { debug: note, info: note, warn: note, error: note }
  const parts = { dir: undefined, mcpServers: undefined, httpFetch, log: quiet }
  const deps = {
    bus: worker,
    log,
    clock,
    random: () => 1,
    registry: createRegistry(id),
    config,
    timing: TIMING,
    providers: [],
    shared,
    tools: await openNodeTools({ ...parts, random: Math.random, env: {} }),
  }
  return createNode(deps, () => undefined)
}

/** Hands a task over that answers after so long. */
function take(node: Node, taskId: string, ms: number, task = 'x', budget?: Budget) {
  const limits = { timeoutMs: 60_000, maxAttempts: 3 }
  const classes = { cpu: 'low', memory: 'low', priority: 'medium' } as const
  const spec = {
    task,
    agent: 'a',
    model: `echo?ms=${ms}`,
    ...classes,
    ...limits,
    ...given({ budget }),
  }
  const ids = { taskId, tenant: 't', seq: 7, claim: 'c', ackSubject: `$JS.ACK.TASKS.${taskId}` }
  const deadlineAtMs = Date.now() + limits.timeoutMs
  const run = node.take({ ...ids, deadlineAtMs, fenced: false, spec }, undefined)
  node.starts.add(run)
  node.starts.look()
  return run
}

/** Everything that the node has published so far has arrived. */
async function arrived(): Promise<void> {
  const mark = `mark-${(marks += 1)}`
  const acks = openPointerAcks(worker, 'mark')
  acks.renew(`$JS.ACK.TASKS.${mark}`)
  acks.flush()
  await eventually(() => expect(said.has(mark)).toBe(true))
}

describe('the pointer of a running task', () => {
  test('is acknowledged once the coordinator has stored the end, and not before (L4)', async () => {
    const node = await nodeOf('w1')
    answer = { kind: 'unavailable' }
    const run = take(node, 'acked', 0)
    await eventually(() => expect(reports.map(({ taskId }) => taskId)).toContain('acked'))
    await arrived()
    expect(said.get('acked')).toBeUndefined()
    answer = { kind: 'committed', seq: 8 }
    await eventually(() => expect(said.get('acked')).toEqual(['+ACK']))
    expect(run.over).toBe('completed')
  })

  test.each(['superseded', 'refused'] as const)(
    'is neither acknowledged nor renewed when the coordinator answers `%s` to the run, and the run stops (L4)',
    async (kind) => {
      const node = await nodeOf('w2')
      answer = { kind }
      const run = take(node, kind, 60_000)
      node.ownership.doubtAll('test')
      await eventually(() => expect(run.over).toBe(kind))
      node.renewals.sweep(systemClock.monotonicMs() + 2 * TIMING.renewEveryMs)
      await arrived()
      expect(node.runs.size()).toBe(0)
      expect(said.get(kind)).toBeUndefined()
    },
  )

  test('is acknowledged when the coordinator rejects the report of the end and then stores a failure instead', async () => {
    const node = await nodeOf('w5')
    const error = { code: 'report-invalid', message: 'unreadable' }
    answer = { kind: 'rejected', error }
    const run = take(node, 'rejected', 0)
    await eventually(() => expect(said.get('rejected')).toEqual(['+ACK']))
    expect(run.over).toBe('failed')
    const sent = reports.filter(({ taskId }) => taskId === 'rejected')
    expect(sent.map(({ op }) => op)).toEqual(['complete', 'fail'])
    expect(sent[1]).toMatchObject({ error, retryable: false })
  })

  test('is acknowledged when the report of the end is too large for one message and the coordinator stores a failure instead', async () => {
    const node = await nodeOf('w6')
    answer = { kind: 'committed', seq: 8 }
    const run = take(node, 'large', 0, 'x'.repeat(9 * 1024 * 1024))
    await eventually(() => expect(said.get('large')).toEqual(['+ACK']))
    expect(run.over).toBe('failed')
    const sent = reports.filter(({ taskId }) => taskId === 'large')
    expect(sent).toMatchObject([{ op: 'fail', error: { code: 'report-too-large' } }])
  })

  test('is acknowledged when the task has ended elsewhere, and the run stops', async () => {
    const node = await nodeOf('w3')
    answer = { kind: 'finished' }
    const run = take(node, 'ended', 60_000)
    node.ownership.doubtAll('test')
    await eventually(() => expect(said.get('ended')).toEqual(['+ACK']))
    expect(run.over).toBe('finished')
  })

  test('gets its lease renewed when this is due, as long as the node knows that it owns the task', async () => {
    const node = await nodeOf('w4')
    const run = take(node, 'renewed', 60_000)
    const nowMs = systemClock.monotonicMs()
    node.renewals.sweep(nowMs)
    node.renewals.sweep(nowMs + TIMING.renewEveryMs + 100)
    node.renewals.sweep(nowMs + TIMING.renewEveryMs + 200)
    await eventually(() => expect(said.get('renewed')).toEqual(['+WPI']))
    run.doubtful = true
    node.renewals.sweep(nowMs + 9 * TIMING.renewEveryMs)
    await arrived()
    expect(said.get('renewed')).toEqual(['+WPI'])
    node.runs.end(run, 'stopped')
  })
})

describe('a run whose node has no time left to drain', () => {
  test('HAND-1: is paused and may continue at once on another node; no failure and no lost attempt is counted', async () => {
    const node = await nodeOf('w7')
    answer = { kind: 'committed', seq: 8 }
    const run = take(node, 'drained', 60_000)
    await node.handBack(SOON_MS)
    expect(run.over).toBe('paused')
    await eventually(() => expect(said.get('drained')).toEqual(['+ACK']))
    const sent = reports.filter(({ taskId }) => taskId === 'drained')
    expect(sent).toMatchObject([{ op: 'pause', expect: 7, wait: { kind: 'time', untilMs: 0 } }])
  })

  test('HAND-2: returns its pointer to the queue when no coordinator confirms the pause in time', async () => {
    const node = await nodeOf('w8')
    answer = { kind: 'unavailable' }
    const run = take(node, 'unheard', 60_000)
    await node.handBack(300)
    expect(run.over).toBe('given-back')
    await eventually(() => expect(said.get('unheard')).toEqual(['-NAK']))
    expect(node.runs.size()).toBe(0)
  })
})

test.each([
  ['ahead', 86_400_000],
  ['behind', -86_400_000],
])(
  'a node whose clock is a day %s measures the time of its tasks by the clock of the log',
  async (where, skewMs) => {
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skewMs }
    const node = await nodeOf(`wrong-${where}`, clock)
    node.learnTime()
    await eventually(() => expect(node.clock.known()).toBe(true))
    expect(Math.abs(node.clock.nowMs() - Date.now())).toBeLessThan(SOON_MS)
    answer = { kind: 'committed', seq: 8 }
    const within = take(node, `within-${where}`, 20, 'x', { wallMs: 30_000 })
    const beyond = take(node, `beyond-${where}`, 60_000, 'x', { wallMs: 20 })
    await eventually(() => expect([within.over, beyond.over]).toEqual(['completed', 'failed']))
  },
)
