import { createAdviser } from '@agentfleet/adviser'
import type { Orchestrator } from '@agentfleet/orchestrator'
import type { Death } from '@agentfleet/protocol'
import { systemClock } from '@agentfleet/runtime'
import { listen, nodeOf, recordOf } from '@agentfleet/testkit'
import { createServer, type ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { log, startWorld } from '../support.ts'

type World = Awaited<ReturnType<typeof startWorld>>
let world: World
/** Milliseconds until the death of a crashed replica is delivered again after its lease. */
const TAKEOVER_MS = 20_000
const never = new Promise<never>(() => undefined)
const until = (holds: () => boolean | Promise<boolean>, timeout = 15_000) =>
  vi.waitUntil(holds, { timeout, interval: 5 })
const closed = (nodeId: string, timeout?: number) =>
  until(() => world.incidentOf(nodeId)?.state === 'closed', timeout)
const writes = (nodeId: string) => world.stagesOf(nodeId).length

/** An orchestrator in a cluster whose answers the test sets. */
function orchestrator(change: Partial<Orchestrator> = {}): Orchestrator & { ordered: string[] } {
  const ordered: string[] = []
  const order = (verb: string) => async (nodeId: string) => {
    ordered.push(`${verb} ${nodeId}`)
    return 'ordered' as const
  }
  return {
    driver: 'kubernetes',
    acts: true,
    restarts: false,
    list: async () => [],
    setCount: async () => undefined,
    inspect: async () => undefined,
    tidy: async () => undefined,
    close: async () => undefined,
    replace: order('replace'),
    retire: order('retire'),
    ordered,
    ...change,
  }
}

async function strand(nodeId: string, taskIds: readonly string[]) {
  const before = world.deliveries.length
  world.issue(taskIds)
  await until(() => world.deliveries.length >= before + taskIds.length)
  const given = world.deliveries.slice(before)
  await world.note(nodeId, given)
  return given
}

beforeAll(async () => {
  world = await startWorld()
}, 300_000)
afterEach(async () => {
  await world.stopRecoveries()
  await world.say([])
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

test('another replica continues the incident at the stage that a crashed replica has recorded', async () => {
  const stuck = await world.recovery({
    id: 'first',
    orchestrator: orchestrator({ replace: () => never }),
  })
  const given = await strand('half', ['half-0', 'half-1'])
  await world.death('half')
  await until(() => world.incidentOf('half')?.action?.outcome === 'under-way')
  await stuck.bus.close()
  const second = orchestrator()
  await world.recovery({ id: 'second', orchestrator: second })
  await until(() => world.deliveriesOf('half-0').length === 2)
  await world.note('survivor', world.deliveries.slice(-2))
  await closed('half', TAKEOVER_MS)
  expect(second.ordered).toEqual(['replace half'])
  expect(world.incidentOf('half')).toMatchObject({
    by: 'second',
    tasks: 2,
    redistributed: 2,
    action: { kind: 'replace', outcome: 'done' },
  })
  expect(world.stagesOf('half').map(({ by }) => by)).toEqual([
    ...Array.from({ length: 4 }, () => 'first'),
    'second',
    'second',
  ])
  for (const taskId of ['half-0', 'half-1']) {
    expect(world.deliveriesOf(taskId)).toHaveLength(2)
  }
  world.finish(given)
}, 60_000)

test('pointers that a crashed replica has returned to their queues are counted and not returned again', async () => {
  let dropped = false
  const stuck = await world.recovery({
    id: 'first',
    store: {
      ...world.store,
      async dropStranded(entries) {
        await world.store.dropStranded(entries)
        dropped = true
        return never
      },
    },
  })
  const given = await strand('torn', ['torn-0', 'torn-1'])
  await world.death('torn')
  await until(() => dropped && writes('torn') === 1)
  await stuck.bus.close()
  await world.recovery({ id: 'second' })
  await until(() => world.deliveriesOf('torn-1').length === 2)
  await world.note('survivor', world.deliveries.slice(-2))
  await closed('torn', TAKEOVER_MS)
  expect(world.incidentOf('torn')).toMatchObject({ by: 'second', tasks: 2, redistributed: 2 })
  expect(world.deliveriesOf('torn-0')).toHaveLength(2)
  world.finish(given)
}, 60_000)

test('a replica that drains hands its open incidents over to another replica at once', async () => {
  await world.recovery({ id: 'first', outcomeWithinMs: 60_000 })
  const given = await strand('handed', ['handed-0'])
  await world.death('handed')
  await until(() => world.incidentOf('handed')?.action?.outcome === 'done')
  await world.stopRecoveries()
  await world.recovery({ id: 'second', outcomeWithinMs: 60_000 })
  await world.note('survivor', world.deliveriesOf('handed-0').slice(-1))
  await closed('handed', 8_000)
  expect(world.incidentOf('handed')).toMatchObject({
    by: 'second',
    outcome: { kind: 'recovered', reason: 'tasks-go-on' },
  })
  expect(world.decisions.filter(({ about }) => about === 'handed')).toHaveLength(1)
  world.finish(given)
}, 60_000)

test('a node that dies repeatedly is put into quarantine, replaced, and asked to drain when it appears in a snapshot again', async () => {
  let drains = 0
  const listening = world.bus.subscribe('node.flap.drain', (message) => {
    drains += 1
    message.respond('{}')
  })
  await world.recovery()
  const others = ['b', 'c', 'd'].map((id) => nodeOf(id))
  for (let incarnation = 1; incarnation <= 3; incarnation += 1) {
    await world.say([nodeOf('flap', { incarnation: incarnation + 1 }), ...others])
    await world.death('flap', { incarnation, reason: 'silence' })
    await until(() => world.incidentOf('flap')?.incarnation === incarnation)
    await until(() => world.incidentOf('flap')?.action?.outcome !== undefined)
    const { action } = world.incidentOf('flap')!
    if (incarnation < 3) expect(action).toMatchObject({ kind: 'none', reason: 'resumed' })
  }
  await until(() => world.incidentOf('flap')?.action?.outcome === 'done')
  const { action, analysis } = world.incidentOf('flap')!
  expect(action).toMatchObject({ kind: 'quarantine', reason: 'flapping', driver: 'local' })
  expect(analysis?.prevention).toContain('quarantine-node')
  expect(drains).toBe(1)
  expect(world.left).toEqual(['flap'])
  await until(() => world.decisions.some(({ kind }) => kind === 'quarantine'))
  const decision = world.decisions.find(({ kind }) => kind === 'quarantine')
  expect(decision).toMatchObject({ about: 'flap', acted: true, policy: { kind: 'quarantine' } })
  expect(Number(decision?.inputs['untilMs'])).toBeGreaterThan(Date.now() + 200_000)
  // The node is alive but no longer counts; with another node the count is the same as before.
  await world.say([nodeOf('flap', { incarnation: 4, draining: true }), ...others])
  await world.say([...others, nodeOf('e', { startedAtMs: Date.now() })])
  await closed('flap')
  expect(world.incidentOf('flap')?.outcome?.kind).toBe('recovered')

  // Another replica that starts later learns of it from OPS.
  await world.stopRecoveries()
  await world.recovery()
  await until(async () => {
    await world.say([nodeOf('flap', { incarnation: 4 }), ...others])
    return drains > 1
  })
  listening.close()
}, 60_000)

test('a task that kills its nodes is listed as a suspect and returned to its queue last, and the incident says when the task is stopped', async () => {
  const killed = async (nodeId: string, incarnation: number) => {
    const change: Partial<Death> = { incarnation }
    await world.death(nodeId, change)
    await until(() => world.incidentOf(nodeId)?.redistributedAtMs !== undefined)
  }
  await world.recovery()
  await strand('k1', ['poison', 'bystander'])
  await killed('k1', 1)
  await until(() => world.deliveriesOf('poison').length === 2)
  await world.note('k2', world.deliveriesOf('poison').slice(-1))
  await killed('k2', 1)
  await until(() => world.incidentOf('k2')?.analysis !== undefined)
  expect(world.incidentOf('k2')?.suspectTasks).toEqual([])
  // OPS remembers the deaths, not the process.
  await world.stopRecoveries()
  await world.recovery()
  await until(() => world.deliveriesOf('poison').length === 3)
  await world.note('k3', world.deliveriesOf('poison').slice(-1))
  await killed('k3', 1)
  await until(() => world.incidentOf('k3')?.analysis !== undefined)
  expect(world.incidentOf('k3')).toMatchObject({
    suspectTasks: ['poison'],
    analysis: { strategy: 'exclude-task', impact: 'high', prevention: ['stop-task', 'add-nodes'] },
  })
  const error = { code: 'attempts-lost', message: '6 attempts were lost' }
  await world.store.project([recordOf('poison', { state: 'failed', error })], 60_000)
  await closed('k3')
  expect(world.incidentOf('k3')?.outcome).toMatchObject({
    kind: 'recovered',
    reason: 'task-stopped-as-cause',
    figures: { tasksStopped: 1 },
  })
}, 60_000)

test('a task that has already lost three attempts is listed as a suspect after one more death', async () => {
  await world.recovery()
  await strand('once', ['lossy'])
  await world.store.project([recordOf('lossy', { state: 'running', attempt: 3 })], 60_000)
  await world.death('once')
  await until(() => world.incidentOf('once')?.analysis !== undefined)
  expect(world.incidentOf('once')?.suspectTasks).toEqual(['lossy'])
})

test('recovery waits for a container that is restarted in place and does not replace it', async () => {
  const cluster = orchestrator({
    restarts: true,
    inspect: async () => ({ gone: false, restarts: 1, outOfMemory: true, host: 'host-7' }),
  })
  await world.recovery({ orchestrator: cluster })
  await world.say([nodeOf('pod'), nodeOf('beside')])
  await world.death('pod')
  await until(() => world.incidentOf('pod')?.action?.outcome === 'under-way')
  await world.say([nodeOf('pod', { incarnation: 2, startedAtMs: 2 }), nodeOf('beside')])
  await closed('pod')
  expect(world.incidentOf('pod')).toMatchObject({
    host: 'host-7',
    analysis: { action: 'restart', prevention: ['raise-memory'] },
    action: { kind: 'restart', outcome: 'done', driver: 'kubernetes' },
    outcome: { kind: 'recovered' },
  })
  expect(cluster.ordered).toEqual([])
})

test('advice only chooses among the allowed actions, and the record has its clamped values', async () => {
  await using provider = await startProvider({
    action: 'investigate',
    strategy: 'nothing-to-do',
    impact: 'none',
    prevention: ['check-image'],
  })
  const cluster = orchestrator()
  await world.recovery({ adviser: adviserAt(provider.url, 'on'), orchestrator: cluster })
  const given = await strand('advised', ['advised-0'])
  await world.death('advised')
  await until(() => world.incidentOf('advised')?.action !== undefined)
  expect(world.incidentOf('advised')).toMatchObject({
    redistributed: 1,
    analysis: {
      by: 'adviser',
      action: 'investigate',
      strategy: 'hold-for-capacity',
      impact: 'high',
      prevention: ['add-nodes', 'check-image'],
      advice: { outcome: 'applied', clamped: [{ field: 'strategy' }, { field: 'impact' }] },
    },
    action: { kind: 'investigate' },
  })
  // Recovery replaces no process that may be alive, whatever the answer says.
  provider.answer({ action: 'replace', strategy: 'spread', impact: 'high', prevention: [] })
  await world.death('advised-silent', { reason: 'silence' })
  await until(() => world.incidentOf('advised-silent')?.action !== undefined)
  expect(world.incidentOf('advised-silent')?.action?.kind).toBe('investigate')
  provider.answer('delete everything')
  await world.death('advised-mad')
  await until(() => world.incidentOf('advised-mad')?.action?.outcome === 'done')
  expect(world.incidentOf('advised-mad')).toMatchObject({
    analysis: { by: 'policy', action: 'replace', advice: { outcome: 'invalid' } },
  })
  expect(cluster.ordered).toEqual(['replace advised-mad'])
  world.finish(given)
}, 60_000)

test('advice in mode shadow is recorded and has no effect', async () => {
  const answer = { action: 'investigate', strategy: 'spread', impact: 'high', prevention: [] }
  await using provider = await startProvider(answer)
  const cluster = orchestrator()
  await world.recovery({ adviser: adviserAt(provider.url, 'shadow'), orchestrator: cluster })
  await world.death('shadowed')
  await closed('shadowed')
  expect(world.incidentOf('shadowed')).toMatchObject({
    analysis: {
      by: 'policy',
      action: 'replace',
      advice: { mode: 'shadow', answer: { action: 'investigate' } },
    },
    action: { kind: 'replace', outcome: 'done' },
  })
})

test('an action does not wait for advice in mode shadow', async () => {
  const answer = { action: 'investigate', strategy: 'spread', impact: 'high', prevention: [] }
  await using provider = await startProvider(answer)
  const answers = provider.hold()
  const cluster = orchestrator()
  await world.recovery({ adviser: adviserAt(provider.url, 'shadow'), orchestrator: cluster })
  await world.death('unadvised')
  await until(() => world.incidentOf('unadvised')?.action?.outcome === 'done')
  expect(cluster.ordered).toEqual(['replace unadvised'])
  // The action may be done before the question has reached the provider.
  await until(() => answers.held() === 1)
  answers.release()
  await closed('unadvised')
  expect(world.incidentOf('unadvised')?.analysis?.advice).toMatchObject({ outcome: 'shadow' })
})

function adviserAt(baseUrl: string, mode: 'on' | 'shadow') {
  return createAdviser({
    mode,
    apiKey: 'key',
    baseUrl,
    model: 'sim',
    prices: {},
    limits: {
      callsPerHour: 100,
      usdPerHour: 10,
      callsAtOnce: 4,
      timeoutMs: 5_000,
      outputTokensMax: 500,
    },
    clock: systemClock,
    log,
  })
}

/** Answers every completion with this. */
async function startProvider(first: object | string) {
  let content = first
  let held: ServerResponse[] | undefined
  const reply = (response: ServerResponse): void => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    const message = { role: 'assistant', content: text }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify({ choices: [{ index: 0, finish_reason: 'stop', message }], model: 'sim' }),
    )
  }
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      if (held === undefined) reply(response)
      else held.push(response)
    })
  })
  const { url, close } = await listen(server)
  return {
    url: `${url}/v1`,
    answer: (next: object | string) => (content = next),
    /** Holds all answers until they are released. */
    hold() {
      const responses: ServerResponse[] = []
      held = responses
      return {
        held: () => responses.length,
        release() {
          held = undefined
          for (const response of responses) reply(response)
        },
      }
    },
    [Symbol.asyncDispose]: close,
  }
}
