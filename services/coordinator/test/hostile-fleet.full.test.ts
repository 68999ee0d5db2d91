/**
 * L9 against a whole fleet: a node with a real identity says on every channel what only harms others. Tasks of
 * honest nodes complete, no service ends or logs an error, and the figures of other nodes stay true.
 */
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { busAddress, connectBus, connectRegistry, type Bus } from '@agentfleet/adapters'
import { isTerminalEvent } from '@agentfleet/domain'
import { CHANNELS, inboxPrefix, NODE_USER, subjectOf, type Heartbeat } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { eventually, listen, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'

const PASSWORD = 'of-all-nodes-0123456789'
const LIAR = 'liar'
const MOST = Number.MAX_SAFE_INTEGER
/** Milliseconds between two rounds of lies: each sends some dozens of messages. */
const LIE_EVERY_MS = 20
const TASKS = 200
/** Many times the usual time on two busy cores, milliseconds. */
const WITHIN_MS = 120_000
const LEVEL_ERROR = /"level":"(?:error|fatal)"/
const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const closing: (() => Promise<void> | void)[] = []
const ended: string[] = []
let fleet: TestFleet
let node: Bus

beforeAll(async () => {
  fleet = await startTestFleet({
    workers: 2,
    timeScale: 0.1,
    onExit: (id, reason) => ended.push(`${id}: ${reason}`),
    env: {
      coordinator: { NODE_PASSWORD: PASSWORD },
      worker: { NATS_PASSWORD: PASSWORD },
      'load-balancer': { TENANT_LIMITS: '{"*":{"concurrency":20}}' },
    },
  })
  const credentials = {
    SERVICE_ID: LIAR,
    NATS_URL: fleet.fleet.nats.url,
    NATS_USER: NODE_USER,
    NATS_PASSWORD: PASSWORD,
    NODE_SECRET: 'secret-of-the-liar-0123456789',
  }
  const inbox = inboxPrefix('worker', LIAR)
  const options = { name: LIAR, inboxPrefix: inbox, log, connectWithinMs: 10_000 }
  node = await connectBus({ ...busAddress(credentials), ...options })
  // Load balancers give tasks only to nodes that Consul lists.
  const ready = await listen(createServer((_, response) => void response.end('ok')))
  const registry = connectRegistry({ url: fleet.fleet.consul.url, log })
  const { port } = ready
  const listed = await registry.register({
    id: LIAR,
    name: 'agent-worker',
    host: '127.0.0.1',
    port,
  })
  closing.push(() => node.close(), listed.close, ready.close)
}, WITHIN_MS)
afterAll(async () => {
  for (const close of closing) await close()
  await fleet[Symbol.asyncDispose]()
})

/** The tasks of others that questions to the fleet have named. */
const known = new Set<string>(['00000000-0000-7000-8000-000000000000'])
let round = 0

/** Figures of the liar, or of a node for which the liar speaks. */
function forged(nodeId: string, change: Partial<Heartbeat> = {}): Heartbeat {
  round += 1
  return {
    nodeId,
    incarnation: round,
    version: round,
    slots: 100_000,
    active: 100_000_000_000,
    queued: 100_000_000_000,
    cpu: 1_000,
    memory: 1_000,
    memoryBytes: MOST,
    lagMs: 4e15,
    responseMs: 4e15,
    completed: round * 1_000_000,
    failed: 100_000_000_000,
    failedHere: 100_000_000_000,
    draining: false,
    startedAtMs: 8.64e15 - round,
    ...change,
  }
}

/** Answers every question with a lie. */
function answerFalsely(): void {
  const own = { where: { nodeId: LIAR } }
  node.on(
    CHANNELS.dispatch,
    () => ({
      accepted: 0,
      heartbeat: forged('worker-1', { incarnation: MOST, version: MOST, draining: true }),
    }),
    own,
  )
  node.on(CHANNELS.tenants, () => {
    const tenants = { default: 100_000_000_000, other: 7 }
    return { nodeId: 'worker-1', tenants, givers: { gone: tenants } }
  })
  node.on(CHANNELS.runs, ({ taskIds }) => {
    for (const taskId of taskIds) known.add(taskId)
    return {
      nodeId: 'worker-1',
      runs: taskIds.map((taskId) => ({ taskId, token: MOST, claim: 'forged' })),
    }
  })
  node.on(CHANNELS.stopAnywhere, ({ taskIds }) => {
    for (const taskId of taskIds) known.add(taskId)
  })
  node.on(CHANNELS.textSoFar, () => ({
    kind: 'text',
    attempt: 1_000,
    node: 'worker-1',
    seq: MOST,
    offset: 0,
    text: 'forged',
  }))
}

/** Sends one lie on each channel that a node may use, and unreadable bytes. */
function lie(): void {
  const where = { nodeId: LIAR }
  const taskIds = [...known]
  node.send(CHANNELS.heartbeat, forged(LIAR), where)
  node.send(CHANNELS.heartbeat, { ...forged(LIAR), startedAtMs: 1 }, where)
  node.send(CHANNELS.load, { ...forged(LIAR), ended: taskIds }, where)
  const models = Array.from({ length: 100 }, (_, at) => ({
    provider: 'p'.repeat(128),
    model: `${round}-${at}`,
    calls: 100_000_000_000,
    breaker: 'open' as const,
    closedForMs: 4e15,
    learned: [],
  }))
  node.send(CHANNELS.providers, { nodeId: LIAR, models }, where)
  const tools = models.map(({ model }) => {
    const text = { name: model, description: 'x' }
    return { ...text, source: 'mcp' as const, approval: false }
  })
  node.send(CHANNELS.offers, { nodeId: LIAR, tools, models: [] }, where)
  const delta = { kind: 'text', attempt: 1, node: 'worker-1', seq: 1, offset: 0 } as const
  for (const taskId of taskIds) {
    node.send(CHANNELS.delta, { ...delta, text: 'forged' }, { taskId })
    const report = { taskId, claim: 'forged', reportId: `${round}`, expect: 1, attempt: 1 }
    const items = [{ ...report, op: 'complete' as const, result: 'forged', usage: NO_USAGE }]
    void node.ask(CHANNELS.report, { nodeId: LIAR, items }, 100, where)
  }
  for (const { subject } of [
    CHANNELS.heartbeat,
    CHANNELS.load,
    CHANNELS.providers,
    CHANNELS.offers,
    CHANNELS.report,
  ]) {
    const mine = subjectOf({ subject }, where)
    node.publish(mine, '{"nodeId":"worker-1"}')
    node.publish(mine, `[${'['.repeat(5_000)}`)
    node.publish(mine, JSON.stringify({ ...forged('worker-1'), items: [], models: [], tools: [] }))
  }
}
const NO_USAGE = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }

async function errors(): Promise<string[]> {
  const folder = join(fleet.fleet.dir, 'logs')
  const files = await readdir(folder)
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  return texts.flatMap((text) => text.split('\n').filter((line) => LEVEL_ERROR.test(line)))
}

test(
  'a node that lies on every channel harms no task of other nodes and no service',
  async () => {
    // Services that start before the streams exist may say so.
    const before = new Set(await errors())
    answerFalsely()
    await node.roundTrip(10_000)
    const lying = setInterval(lie, LIE_EVERY_MS)
    closing.unshift(() => clearInterval(lying))
    const { client } = fleet
    const taskIds: string[] = []
    for (let at = 0; at < TASKS; at += 1) {
      const model = at % 4 === 0 ? 'sim?ttft=200&tokens=5' : 'echo'
      const { id } = await client.submit({ task: `t${at}`, model })
      taskIds.push(id)
      known.add(id)
      if (known.size > 20) known.delete([...known][0]!)
    }
    await eventually(async () => {
      const { groups } = await client.count({ groupBy: 'state' })
      expect(groups.map(({ key, count }) => [key, count])).toEqual([['completed', TASKS]])
    }, WITHIN_MS / 2)
    for (const taskId of taskIds) {
      const history = await fleet.log.history(taskId)
      expect(history.filter(({ event }) => isTerminalEvent(event))).toHaveLength(1)
      expect(JSON.stringify(history)).not.toMatch(/forged|liar/)
    }
    const { nodes } = await client.fleet()
    for (const { id, state, draining } of nodes.filter((each) => each.id !== LIAR)) {
      expect({ id, state, draining }).toEqual({ id, state: 'alive', draining: false })
    }
    expect(ended).toEqual([])
    expect((await errors()).filter((line) => !before.has(line))).toEqual([])
  },
  WITHIN_MS,
)
