import { REDIS_RULES } from '@agentfleet/protocol'
import { eventually, startTestServers, type TestServers } from '@agentfleet/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  connectProviderLimits,
  connectUsageTotals,
  type Logger,
  type ProviderLimits,
  type ReserveAsk,
  type Settlement,
  type UsageTotals,
} from '../../src/index.ts'
import { DAY_OF } from '../../src/limits/rate-limit-scripts.ts'

/** Limits and totals that all nodes share, in a real Redis. */
const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
let servers: TestServers<'redis'>
let limits: ProviderLimits
let totals: UsageTotals
let key = ''
let counter = 0

beforeAll(async () => {
  servers = await startTestServers(['redis'])
  const { url } = servers.redis
  limits = await connectProviderLimits({ url, log })
  totals = await connectUsageTotals({ url, log })
})
afterAll(async () => {
  await limits.close()
  await totals.close()
  await servers[Symbol.asyncDispose]()
})

const BURST_MS = 500
const RESERVED = { kind: 'reserved' }
const NONE = { rpm: 0, tpm: 0, concurrent: 0 }

function fresh(): void {
  key = `key-${(counter += 1)}`
}

function ask(change: Partial<ReserveAsk>, count = 1, tokens = 10): Promise<readonly number[]> {
  const calls = Array.from({ length: count }, () => ({ id: `c${(counter += 1)}`, tokens }))
  return limits
    .reserve(key, {
      node: 'n1',
      limits: NONE,
      burstMs: BURST_MS,
      horizonMs: 500,
      calls,
      waiting: count,
      ...change,
    })
    .then(({ delaysMs }) => delaysMs)
}

function settle(change: Partial<Settlement>): Promise<void> {
  return limits.settle(key, {
    limits: NONE,
    burstMs: BURST_MS,
    requestsBack: 0,
    tokensBack: 0,
    closeMs: 0,
    named: {},
    over: [],
    ...change,
  })
}

describe('the rate-limit buckets of a provider key', () => {
  test('let a burst through and then grant calls at the configured rate, for all nodes together', async () => {
    fresh()
    const rpm = { ...NONE, rpm: 6_000 }
    const nodes = ['n1', 'n2', 'n3', 'n4']
    const startedAt = performance.now()
    const promised: number[] = []
    while (performance.now() - startedAt < 1_000) {
      const answers = await Promise.all(nodes.map((node) => ask({ node, limits: rpm }, 64)))
      const now = performance.now() - startedAt
      for (const delayMs of answers.flat()) promised.push(now + delayMs)
    }
    promised.sort((a, b) => a - b)
    // 100 a second: 50 at once, then one every 10 ms.
    for (const [index, atMs] of promised.entries()) {
      expect(atMs).toBeGreaterThan((index - 49) * 10 - 30)
    }
    expect(promised.length).toBeGreaterThan(50 + 100)
  })

  test('count the tokens that a call has used, not the tokens that were estimated for the call', async () => {
    fresh()
    const tpm = { ...NONE, tpm: 60_000 }
    // The limiter grants 500 at once, then 1 in each millisecond.
    expect(await ask({ limits: tpm }, 1, 500)).toEqual([0])
    const [before = 0] = await ask({ limits: tpm }, 1, 400)
    expect(before).toBeGreaterThan(200)
    await settle({ limits: tpm, tokensBack: 800 })
    const [after = 0] = await ask({ limits: tpm }, 1, 400)
    expect(after).toBeLessThan(100)
  })

  test('are closed for every node after a refusal, and open again by themselves', async () => {
    fresh()
    await settle({ closeMs: 60_000 })
    expect(await ask({ node: 'n2' })).toEqual([])
    const touched = await limits.touch('n3', [{ key, live: [] }])
    expect(touched.keys[0]?.closedMs).toBeGreaterThan(30_000)
    expect(touched.keys[0]?.left).toMatchObject({ requests: 1, tokens: 1 })
    fresh()
    await settle({ closeMs: 200 })
    await eventually(async () => expect(await ask({ node: 'n2' })).toEqual([0]))
  })

  test('use the limit that the provider has reported when no limit is configured', async () => {
    fresh()
    await settle({ named: { rpm: 600, tpm: 0 } })
    // One now, as earlier usage is unknown, and those of the next half second.
    const first = await ask({}, 64)
    const rest = [...(await ask({}, 64)), ...(await ask({}, 64))]
    expect(first).toHaveLength(6)
    expect(rest.length).toBeLessThan(4)
  })

  test('allow only the configured number of concurrent calls, and no longer count calls of a silent node', async () => {
    fresh()
    const two = { ...NONE, concurrent: 2 }
    const call = (id: string) => ask({ limits: two, calls: [{ id, tokens: 1 }] })
    expect([await call('a'), await call('b'), await call('c')]).toEqual([[0], [0], []])
    await settle({ limits: two, over: ['a'] })
    expect(await call('c')).toEqual([0])
  })
})

describe('the Redis user of workers (L9)', () => {
  test('may do all that shared limits need, and can neither read nor write anything else', async () => {
    fresh()
    const admin = new Redis(servers.redis.url)
    await admin.acl('SETUSER', 'worker', 'on', '>secret', ...REDIS_RULES.worker.split(' '))
    await admin.set('task:1', 'a secret of a tenant')
    const url = servers.redis.url.replace('redis://', 'redis://worker:secret@')
    const mine = await connectProviderLimits({ url, log })
    const two = { ...NONE, rpm: 600, tpm: 600_000, concurrent: 2 }
    const calls = [{ id: 'a', tokens: 1 }]
    const buckets = { limits: two, burstMs: BURST_MS }
    const ask = { ...buckets, node: 'n1', horizonMs: 500, calls, waiting: 1 }
    expect((await mine.reserve(key, ask)).delaysMs).toEqual([0])
    const none = { requestsBack: 0, tokensBack: 0, closeMs: 5, named: { rpm: 600 } }
    await mine.settle(key, { ...buckets, ...none, over: ['a'] })
    await mine.park(key, { ...buckets, tenant: 't', tokens: 1, leastMs: 1, mostMs: 1_000 })
    await mine.touch('n1', [{ key, live: ['a'] }])
    const budget = { tokensPerDay: 10 }
    const part = { budget, id: 'a', tokens: 5, usd: 0, lifetimeMs: 10 }
    expect(await mine.reserveBudget('acme', part)).toEqual(RESERVED)
    await mine.reserveBudget('acme', { ...part, lifetimeMs: 0 })
    await mine.close()

    const intruder = new Redis(url)
    await expect(
      intruder.eval("return redis.call('HGET', KEYS[1], 'x')", 1, 'task:1'),
    ).rejects.toThrow(/NOPERM|permission/i)
    const forge = "return redis.call('HSET', KEYS[1], '=|tokens', '-999')"
    await expect(intruder.eval(forge, 1, 'usage:acme:2026-01-01')).rejects.toThrow(
      /NOPERM|permission/i,
    )
    await expect(intruder.get('task:1')).rejects.toThrow(/NOPERM/)
    intruder.disconnect()
    admin.disconnect()
  })
})

describe('the LLM budget of a tenant', () => {
  const nowMs = Date.now()
  const usage = { inputTokens: 600, outputTokens: 300, llmCalls: 1, costUsd: 0.5 }
  const entry = { tenant: 'acme', atMs: nowMs, model: 'm', provider: 'p', agent: 'a b', usage }
  const reserve = (id: string, tokens: number, lifetimeMs = 60_000) =>
    limits.reserveBudget('acme', {
      budget: { tokensPerDay: 1_500, usdPerHour: 1 },
      id,
      tokens,
      usd: 0.2,
      lifetimeMs,
    })

  test('counts the usage that is stored in the log and the largest amounts that running calls may still use', async () => {
    expect(await totals.add(0, 10, [entry])).toBe(10)
    expect(await reserve('a', 300)).toEqual(RESERVED)
    // Without the call under way there would be room.
    expect(await reserve('b', 400)).toEqual({ kind: 'held' })
    expect(await reserve('c', 200)).toEqual(RESERVED)
    expect(await reserve('d', 10)).toEqual({ kind: 'held' })
    // The call used less, and then it ends.
    await reserve('a', 10, 0)
    expect(await reserve('d', 10)).toEqual(RESERVED)
    // By itself it is too large for the rest.
    const met = { limit: 'tokens-per-day', used: 900, next: 601 }
    expect(await reserve('e', 601)).toEqual({ kind: 'exceeded', met, atMs: expect.any(Number) })
  })

  test('is that of the day and the hour by the clock of Redis, whatever the clock of the node says', async () => {
    const from = await totals.position()
    await totals.add(from, from + 1, [{ ...entry, tenant: 'clocks' }])
    const call = { id: 'a', usd: 0, lifetimeMs: 60_000 }
    const whole = { ...call, budget: { tokensPerDay: 900 }, tokens: 1 }
    const hourly = { ...call, budget: { tokensPerHour: 900 }, tokens: 1 }
    const dayMs = 86_400_000
    for (const skewMs of [0, dayMs, -dayMs, 2 * 3_600_000]) {
      vi.useFakeTimers({ toFake: ['Date'], now: nowMs + skewMs })
      try {
        for (const ask of [whole, hourly]) {
          const answer = await limits.reserveBudget('clocks', ask)
          expect(answer).toMatchObject({ kind: 'exceeded', met: { used: 900 } })
        }
      } finally {
        vi.useRealTimers()
      }
    }
  })

  test('finds the same days as the calendar, in leap years too', async () => {
    const redis = new Redis(servers.redis.url)
    const days = [
      '1970-01-01',
      '1999-12-31',
      '2000-02-29',
      '2024-02-29',
      '2024-03-01',
      '2026-11-29',
    ]
    for (const day of [
      ...days,
      '2027-01-01',
      '2028-12-31',
      '2099-12-31',
      '2100-02-28',
      '2100-03-01',
    ]) {
      for (const time of ['00:00:00', '23:59:59']) {
        const seconds = Date.parse(`${day}T${time}Z`) / 1_000
        const found = await redis.eval(`${DAY_OF} return dayOf(ARGV[1])`, 0, String(seconds))
        expect(found, `${day}T${time}`).toBe(day)
      }
    }
    redis.disconnect()
  })

  test('makes the next call wait, instead of failing, until a coordinator has counted the usage of an ended call', async () => {
    const call = { budget: { tokensPerDay: 300 }, tokens: 126, usd: 0 }
    const made = { ...usage, inputTokens: 100, outputTokens: 26 }
    expect(await limits.reserveBudget('once', { ...call, id: 'a', lifetimeMs: 60_000 })).toEqual(
      RESERVED,
    )
    await limits.reserveBudget('once', { ...call, id: 'a', lifetimeMs: 300 })
    const from = await totals.position()
    await totals.add(from, from + 1, [{ ...entry, tenant: 'once', usage: made }])
    // 126 are used, and 126 are still set aside for the same call.
    const second = { ...call, id: 'b', lifetimeMs: 60_000 }
    expect(await limits.reserveBudget('once', second)).toEqual({ kind: 'held' })
    await eventually(async () => {
      expect(await limits.reserveBudget('once', second)).toEqual(RESERVED)
    })
  })

  test('no longer counts the calls of nodes that died', async () => {
    await limits.reserveBudget('dead', {
      budget: { tokensPerHour: 100 },
      id: 'x',
      tokens: 100,
      usd: 0,
      lifetimeMs: 20,
    })
    const again = { budget: { tokensPerHour: 100 }, id: 'y', tokens: 100, usd: 0 }
    await eventually(async () => {
      expect(await limits.reserveBudget('dead', { ...again, lifetimeMs: 20 })).toEqual(RESERVED)
    })
  })
})

test('the amounts that calls set aside of a budget are shown until their reservations expire', async () => {
  const call = { budget: { tokensPerHour: 1_000 }, usd: 0.25 }
  const last = { ...call, id: 'last', tokens: 10 }
  expect(await totals.setAside('shown')).toEqual({ tokens: 0, costUsd: 0 })
  await limits.reserveBudget('shown', { ...call, id: 'first', tokens: 100, lifetimeMs: 50 })
  await limits.reserveBudget('shown', { ...last, lifetimeMs: 60_000 })
  await eventually(async () => {
    expect(await totals.setAside('shown')).toEqual({ tokens: 10, costUsd: 0.25 })
  })
  await limits.reserveBudget('shown', { ...last, lifetimeMs: 20 })
  await eventually(async () => {
    expect(await totals.setAside('shown')).toEqual({ tokens: 0, costUsd: 0 })
  })
})

describe('the budget of a tenant while no coordinator counts usage', () => {
  const budget = { tokensPerHour: 100 }
  const ask = { budget, tokens: 100, usd: 0, lifetimeMs: 20 }

  test('stays in force, because the amounts that ended calls have set aside expire only after usage is counted again', async () => {
    await totals.followed()
    expect(await limits.reserveBudget('replay', { ...ask, id: 'x' })).toEqual(RESERVED)
    const sinceMs = performance.now()
    await eventually(async () => {
      const { kind } = await limits.reserveBudget('replay', { ...ask, id: 'y' })
      if (kind !== 'held') throw new Error('the budget was overrun')
      // Ten times what it was set aside for.
      expect(performance.now() - sinceMs).toBeGreaterThan(200)
    })
    await totals.followed()
    expect(await limits.reserveBudget('replay', { ...ask, id: 'y' })).toEqual(RESERVED)
  })
})

describe('totals of usage', () => {
  const atMs = Date.parse('2026-04-01T23:59:59Z')
  const usage = { inputTokens: 10, outputTokens: 5, llmCalls: 1, costUsd: 0.000_1 }
  const entry = { tenant: 'zoo', atMs, model: 'm', provider: 'p', agent: 'a b', usage }

  test('count each range of log events once, even if two coordinators add it (L8)', async () => {
    const from = await totals.position()
    expect(await totals.add(from, from + 5, [entry, entry])).toBe(from + 5)
    // Another coordinator with the same events gets the current position and adds nothing.
    expect(await totals.add(from, from + 5, [entry, entry])).toBe(from + 5)
    const next = { ...entry, atMs: atMs + 1_000 }
    expect(await totals.add(from + 5, from + 6, [next])).toBe(from + 6)
    const days = ['2026-04-01', '2026-04-02', '2026-04-03']
    expect(await totals.read('zoo', days)).toEqual([
      {
        day: '2026-04-01',
        models: [
          {
            model: 'm',
            provider: 'p',
            usage: { inputTokens: 20, outputTokens: 10, llmCalls: 2, costUsd: 0.000_2 },
          },
        ],
        agents: [
          {
            agent: 'a b',
            usage: { inputTokens: 20, outputTokens: 10, llmCalls: 2, costUsd: 0.000_2 },
          },
        ],
        hours: [{ hour: 23, tokens: 30, costUsd: 0.000_2, unpricedCalls: 0 }],
      },
      {
        day: '2026-04-02',
        models: [{ model: 'm', provider: 'p', usage }],
        agents: [{ agent: 'a b', usage }],
        hours: [{ hour: 0, tokens: 15, costUsd: 0.000_1, unpricedCalls: 0 }],
      },
    ])
    expect(await totals.read(undefined, days)).toEqual(await totals.read('zoo', days))
  })

  test('count the agents of a day together as soon as the day has a thousand agents (L7)', async () => {
    const many = Array.from({ length: 1_010 }, (_, index) => ({
      ...entry,
      tenant: 'crowd',
      agent: `agent-${String(index).padStart(4, '0')}`,
    }))
    const from = await totals.position()
    await totals.add(from, from + 1, many)
    await totals.add(from + 1, from + 2, [{ ...entry, tenant: 'crowd', agent: 'agent-0000' }])
    const [day] = await totals.read('crowd', ['2026-04-01'])
    const agents = day?.agents ?? []
    expect(agents).toHaveLength(1_001)
    const found = new Map(agents.map(({ agent, usage: used }) => [agent, used.llmCalls]))
    expect(found.get('agent-0000')).toBe(2)
    expect([...found.values()].reduce((sum, calls) => sum + calls, 0)).toBe(1_011)
    expect(found.get('(others)')).toBe(10)
  })
})
