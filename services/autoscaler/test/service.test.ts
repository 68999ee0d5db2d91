import { type Service, createLogger, systemClock } from '@agentfleet/runtime'
import { createAdviser } from '@agentfleet/adviser'
import { listen } from '@agentfleet/testkit'
import { createServer, type ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createAdvising } from '../src/deciding/advice.ts'
import { LIMITS, orchestratorOf, startWorld } from './support.ts'

let world: Awaited<ReturnType<typeof startWorld>>
const running: Service[] = []
const until = (holds: () => boolean, timeout = 15_000) =>
  vi.waitUntil(holds, { timeout, interval: 10 })
const recorded = (reason: string) => world.decisions.filter((one) => one.reason === reason)
const HOUR_MS = 3_600_000

async function autoscaler(...args: Parameters<typeof world.autoscaler>) {
  const service = await world.autoscaler(...args)
  running.push(service)
  return service
}
const leader = () => true

beforeAll(async () => {
  world = await startWorld()
}, 300_000)

beforeEach(() => world.forget())

afterEach(async () => {
  world.hush()
  for (const service of running.splice(0)) await service.drain(2_000)
})

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

describe('scaling', () => {
  test('starts nodes on demand and records what it saw, its options and its choice', async () => {
    world.pool.reset(2)
    world.tell({ running: 170, queued: 170 })
    await autoscaler(leader)
    await until(() => world.pool.processes.size === 4)
    await until(() => recorded('demand').length === 1)
    expect(recorded('demand')[0]).toMatchObject({
      service: 'autoscaler',
      by: 'autoscaler-test',
      kind: 'scale-out',
      inputs: { nodes: 2, decided: 4, queued: 170, running: 170, slotsPerNode: 100 },
      policy: { kind: 'scale-out', reason: 'demand', figures: { nodes: 4 } },
      acted: true,
      driver: 'local',
    })
    const { id, options } = recorded('demand')[0]!
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/)
    expect(options[0]).toMatchObject({ figures: { nodes: 4 } })
    expect(options.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['floor', 'forecast']))
    expect(world.pool.counts).toEqual([4])
  })

  test('drains the least busy node when slots are idle, one at a time, and stops no process itself', async () => {
    world.pool.reset(4)
    const busy = [...world.pool.processes.values()].slice(1)
    for (const process of busy) process.active = 5
    const idle = [...world.pool.processes.keys()][0]!
    world.tell({ running: 15 })
    await autoscaler(leader)
    await until(() => world.pool.draining().length === 1)
    expect(world.pool.draining()).toEqual([idle])
    expect(world.pool.counts.at(-1)).toBe(3)
    await until(() => recorded('draining').length === 1)
    expect(recorded('idle-capacity')[0]?.inputs['victims']).toBe(idle)
    expect(world.pool.processes.size).toBe(4)
    world.pool.exit(idle)
    await until(() => world.pool.draining().length === 1)
    expect(world.pool.counts.at(-1)).toBe(2)
  })

  test('replaces draining nodes when demand returns', async () => {
    world.pool.reset(3)
    world.tell({ running: 0 })
    await autoscaler(leader)
    await until(() => world.pool.draining().length === 1)
    world.tell({ running: 250 })
    await until(() => world.pool.processes.size === 4)
    expect(world.pool.counts.at(-1)).toBe(3)
  })

  test('S2: does not shrink the fleet without figures of the nodes', async () => {
    world.pool.reset(5)
    await autoscaler(leader)
    await until(() => recorded('figures-missing').length === 1)
    world.tell({ backlogAtMs: 1 })
    await until(() => recorded('figures-missing').length === 1)
    const seen = world.decisions.length
    world.tell({ running: 0 })
    await until(() => world.decisions.length > seen)
    // The window has to be filled with known figures first.
    expect(world.decisions[seen]).toMatchObject({ kind: 'hold', reason: 'recent-demand' })
  })

  test('S2: stops removing nodes when no more figures of the nodes arrive', async () => {
    world.pool.reset(8)
    world.tell({ running: 0 })
    await autoscaler(leader)
    await until(() => recorded('draining').length > 0)
    world.hush()
    await until(() => world.decisions.at(-1)?.reason === 'figures-missing')
    for (const gone of world.pool.draining()) world.pool.exit(gone)
    const left = world.pool.processes.size
    expect(left).toBeGreaterThan(LIMITS.nodesMin)
    const ticks = world.pool.lists()
    await until(() => world.pool.lists() > ticks + 10)
    expect(world.pool.draining()).toEqual([])
    expect(world.pool.processes.size).toBe(left)
  })

  test('S2: leaves the number of nodes unchanged and records why when the orchestrator does not answer', async () => {
    world.pool.reset(5)
    world.tell({ running: 0 })
    world.pool.refuse(true)
    await autoscaler(leader)
    await until(() => recorded('orchestrator-unavailable').length === 1)
    expect(recorded('orchestrator-unavailable')[0]).toMatchObject({ kind: 'hold', acted: false })
    world.pool.refuse(false)
    await until(() => world.pool.draining().length === 1)
  })

  test('fills a fleet up to its minimum even without figures', async () => {
    world.pool.reset(1)
    await autoscaler(leader)
    await until(() => world.pool.processes.size === 2)
    await until(() => recorded('below-minimum').length === 1)
  })

  test('does not add nodes for calls that the provider refuses for their rate', async () => {
    world.pool.reset(2)
    world.tell({ running: 0 })
    await autoscaler(leader)
    await until(() => recorded('on-target').length === 1)
    for (const process of world.pool.processes.values()) {
      process.llmCalls = 100
      process.throttled = 10
    }
    const seen = world.pool.lists()
    await until(() => world.pool.lists() > seen + 10)
    world.tell({ running: 200, queued: 200 })
    await until(() => recorded('provider-budget').length >= 1)
    expect(recorded('provider-budget')[0]).toMatchObject({
      kind: 'hold',
      inputs: { throttledShare: 0.1, llmCalls: 200, backpressure: true },
    })
    expect(world.pool.counts).toEqual([])
  })

  test('records with the driver `recommend` what should be done, and does not claim to have done it', async () => {
    world.pool.reset(2)
    world.tell({ running: 340 })
    const snapshot = () => ({
      atMs: Date.now(),
      monitorId: 'monitor',
      nodes: world.pool.heartbeats(),
      queued: 0,
      running: 340,
      backlogAtMs: Date.now(),
    })
    const orchestrator = await orchestratorOf({ DRIVER: 'recommend' }, { latest: snapshot })
    await autoscaler(leader, { orchestrator })
    await until(() => recorded('demand').length === 1)
    expect(recorded('demand')[0]).toMatchObject({ acted: false, driver: 'recommend' })
    expect(world.pool.counts).toEqual([])
  })
})

describe('a new leader of the autoscaler', () => {
  test('S3: keeps the times of the last changes and therefore the cooldown', async () => {
    world.pool.reset(2)
    world.tell({ running: 300 })
    const limits = { ...LIMITS, cooldownMs: HOUR_MS }
    const first = await autoscaler(leader, { limits })
    await until(() => recorded('demand').length === 1)
    await first.drain(2_000)
    world.tell({ running: 0 })
    await autoscaler(leader, { limits })
    await until(() => recorded('cooldown').length === 1, 30_000)
    const [changed, cooling] = [recorded('demand')[0], recorded('cooldown')[0]]
    expect(cooling?.inputs['scaledOutAtMs']).toBe(changed?.inputs['scaledOutAtMs'])
    expect(cooling?.inputs['scaledOutAtMs']).toBe(changed?.atMs)
    expect(world.pool.draining()).toEqual([])
  })

  test('keeps the learned state of the load', async () => {
    world.pool.reset(2)
    world.tell({ running: 150 })
    const first = await autoscaler(leader)
    await until(() => recorded('on-target').length === 1)
    await first.drain(2_000)
    const learned = (await world.ops.lastState('autoscaler')) as { forecast: { level: number } }
    expect(learned.forecast.level).toBe(150)
    // A leader that observes nothing itself can only pass on what it got.
    world.hush()
    const second = await autoscaler(leader, {
      fleetView: {
        latest: () => undefined,
        fresh: () => undefined,
        receivedAtMs: () => 0,
        onSnapshot() {},
        close() {},
      },
    })
    await until(() => recorded('figures-missing').length >= 1)
    await second.drain(2_000)
    expect(await world.ops.lastState('autoscaler')).toMatchObject({
      forecast: { ...learned.forecast, pending: [] },
    })
  })

  test('S1: scales only while it leads, and only observes before', async () => {
    world.pool.reset(2)
    world.tell({ running: 300 })
    let leading = false
    let asked = 0
    await autoscaler(() => {
      asked += 1
      return leading
    })
    await until(() => asked > 4)
    expect(world.decisions).toEqual([])
    expect(world.pool.counts).toEqual([])
    leading = true
    await until(() => world.pool.processes.size === 4)
  })

  test("O3: records each outcome once, after 1, 5 and 15 minutes, including the outcomes of the previous leader's decisions", async () => {
    let aheadMs = 0
    const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs }
    world.pool.reset(2)
    world.tell({ running: 300 })
    const first = await autoscaler(leader, { clock })
    await until(() => recorded('demand').length === 1)
    const { id } = recorded('demand')[0]!
    const of = () => world.outcomes.filter(({ decisionId }) => decisionId === id)
    aheadMs = 61_000
    await until(() => of().length === 1)
    await first.drain(2_000)
    aheadMs = 301_000
    await autoscaler(leader, { clock })
    await until(() => recorded('on-target').some(({ atMs }) => atMs > Date.now() + 300_000))
    aheadMs = 360_000
    const ticks = world.pool.lists()
    await until(() => world.pool.lists() > ticks + 5)
    aheadMs = 901_000
    await until(() => of().some(({ afterMinutes }) => afterMinutes === 15))
    // A leader that takes over after an outcome was due records none instead of a late one.
    expect(of().map(({ afterMinutes }) => afterMinutes)).toEqual([1, 15])
    expect(of()[0]?.figures).toMatchObject({ running: 300, queued: 0, utilisation: 0.75, nodes: 4 })
  })
})

describe('the adviser of the autoscaler', () => {
  const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  /** Starts an autoscaler with an adviser over real HTTP; `respond` answers every call. */
  async function advised(mode: 'shadow' | 'on', respond: (response: ServerResponse) => void) {
    let calls = 0
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        calls += 1
        respond(response)
      })
    })
    const provider = await listen(server)
    const adviser = createAdviser({
      mode,
      apiKey: 'key',
      baseUrl: `${provider.url}/v1`,
      model: 'model',
      limits: {
        callsPerHour: 60,
        usdPerHour: 1,
        callsAtOnce: 2,
        timeoutMs: 1_000,
        outputTokensMax: 200,
      },
      prices: { '*': { inputUsdPerMillion: 1, outputUsdPerMillion: 1 } },
      clock: systemClock,
      log,
    })
    closing.push(async () => {
      await adviser.close()
      await provider.close()
    })
    return { advising: createAdvising(adviser), calls: () => calls }
  }
  const says =
    (content: object | string) =>
    (response: ServerResponse): void => {
      const text = typeof content === 'string' ? content : JSON.stringify(content)
      const message = { role: 'assistant', content: text, refusal: null }
      const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }], usage }),
      )
    }
  /** Every value is far out of bounds. */
  const GREEDY = {
    cause: 'burst',
    floorDelta: 500,
    targetUtil: 0.01,
    holdScaleDownMs: 1e12,
    ttlMs: 1e12,
  }

  test('A2: gives advice that is clamped to its bounds, and the record has the value before and after', async () => {
    world.pool.reset(2)
    world.tell({ running: 100 })
    const { advising } = await advised('on', says(GREEDY))
    await autoscaler(leader, { advising })
    // A load of 100 with 100 slots for each node at 0.75 needs two nodes; advice may add at most two.
    await until(() => recorded('advice').length === 1)
    const [decision] = recorded('advice')
    expect(decision).toMatchObject({
      kind: 'scale-out',
      inputs: { decided: 4 },
      policy: { kind: 'hold', figures: { nodes: 2 } },
      advice: {
        mode: 'on',
        outcome: 'applied',
        answer: { floorDelta: 2, targetUtil: 0.75, holdScaleDownMs: 600_000, ttlMs: 600_000 },
      },
    })
    expect(decision?.advice?.clamped.map(({ field }) => field).sort()).toEqual([
      'floorDelta',
      'holdScaleDownMs',
      'targetUtil',
      'ttlMs',
    ])
    world.tell({ running: 0 })
    await until(() => recorded('advised').length >= 1)
    expect(world.pool.counts).toEqual([4])
  })

  test('is asked and recorded in mode shadow, and has no effect', async () => {
    world.pool.reset(2)
    world.tell({ running: 100 })
    const { advising, calls } = await advised('shadow', says(GREEDY))
    await autoscaler(leader, { advising })
    await until(() => world.decisions.some(({ advice }) => advice?.outcome === 'shadow'))
    const ticks = world.pool.lists()
    await until(() => world.pool.lists() > ticks + 10)
    expect(world.pool.counts).toEqual([])
    expect(world.decisions.every(({ kind }) => kind === 'hold')).toBe(true)
    // The next question comes after a minute or a quarter of an hour.
    expect(calls()).toBe(1)
  })

  test.each([
    ['is not JSON', 'invalid', says('Scale to 20 nodes at once.')],
    ['is of another form', 'invalid', says({ nodes: 20 })],
    ['breaks off', 'provider-failed', (response: ServerResponse): void => void response.destroy()],
    ['never comes', 'timeout', () => undefined],
  ] as const)(
    'S4: an answer that %s does not change or delay a decision',
    async (...[, outcome, respond]) => {
      world.pool.reset(2)
      world.tell({ running: 100 })
      const { advising } = await advised('on', respond)
      await autoscaler(leader, { advising })
      await until(() => world.decisions.some(({ advice }) => advice?.outcome === outcome))
      expect(world.pool.counts).toEqual([])
      world.tell({ running: 340 })
      await until(() => world.decisions.some(({ acted }) => acted))
      const { kind, inputs, policy } = world.decisions.find(({ acted }) => acted)!
      expect(policy).toMatchObject({ kind, figures: { nodes: inputs['decided'] } })
      expect(world.pool.processes.size).toBe(inputs['decided'])
    },
  )
})
