import { UNLIMITED, type Level, type RateLimits } from '@agentfleet/domain'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLimiter, type Entry } from '../../src/limits/limiter.ts'

/** The limiter without the fleet's shared limits: which calls wait, in which order, and until when. */
function setup(limits: Partial<RateLimits>, nowMs = Date.now) {
  const limiter = createLimiter({
    key: 'key',
    node: 'n1',
    limits: { ...UNLIMITED, ...limits },
    shared: undefined,
    nowMs,
    random: Math.random,
  })
  const came: string[] = []
  const takeBack = new Map<string, () => void>()
  const enter = (id: string, change: { priority?: Level; sinceMs?: number; patienceMs?: number }) =>
    limiter
      .enter({
        id,
        tenant: 't',
        priority: 'medium',
        sinceMs: 1,
        tokens: 10,
        patienceMs: 10_000,
        onWait: (back) => takeBack.set(id, back),
        ...change,
      })
      .then((entry): Entry => {
        if (entry.kind === 'in') came.push(id)
        return entry
      })
  return { limiter, enter, came, takeBack }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Lets this time pass for the limiter. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('the limiter of a provider', () => {
  test('admits every call while no limit is known', async () => {
    const { enter, limiter } = setup({})
    expect(await enter('a', {})).toEqual({ kind: 'in' })
    expect(limiter.waiting()).toBe(0)
  })

  test('shows its limits, and what the fleet may use of them at once while it knows this', () => {
    let now = 0
    const { limiter } = setup({ rpm: 600 }, () => now)
    const held = { closedForMs: 0, waiting: 0 }
    expect(limiter.state()).toEqual({ requestsPerMinute: 600, ...held })
    const left = { requests: 1, tokens: -50, ageMs: 50 }
    limiter.touched(2, { closedMs: 0, rpm: 0, tpm: 60_000, left })
    now = 50
    // In 100 ms the buckets get one request and 100 tokens.
    const limits = { requestsPerMinute: 600, tokensPerMinute: 60_000 }
    expect(limiter.state()).toEqual({ ...limits, requestsLeft: 2, tokensLeft: 50, ...held })
    now = 6_000
    expect(limiter.state()).toEqual({ ...limits, ...held })
    expect(setup({}).limiter.state()).toBeUndefined()
  })

  test('admits calls by priority and then by age', async () => {
    const { enter, came } = setup({ rpm: 3_000 })
    void enter('young', { sinceMs: 9 })
    void enter('low', { priority: 'low', sinceMs: 1 })
    void enter('old', { sinceMs: 2 })
    void enter('high', { priority: 'high', sinceMs: 20 })
    await pass(1_000)
    expect(came).toEqual(['high', 'old', 'young', 'low'])
  })

  test('refuses at once a call that would wait too long, and gives it a retry time', async () => {
    const { enter } = setup({ rpm: 60 })
    const waiting = [enter('a', {}), enter('b', {}), enter('c', {})]
    const late = enter('late', { patienceMs: 1_000 })
    const entry = await Promise.race([late, pass(1).then(() => ({ kind: 'waits' as const }))])
    expect(entry.kind).toBe('late')
    if (entry.kind === 'late') expect(entry.retryAfterMs).toBeGreaterThanOrEqual(1_000)
    await pass(5_000)
    expect((await Promise.all(waiting)).map(({ kind }) => kind)).toEqual(['in', 'in', 'in'])
  })

  test('refuses a waiting call when its wait lasts longer than its limit', async () => {
    const { enter, limiter } = setup({ concurrent: 1 })
    void enter('a', {})
    await pass(10)
    expect(limiter.live()).toEqual(['a'])
    const entry = enter('b', { patienceMs: 50 })
    await pass(99)
    limiter.sweep(Date.now())
    expect(limiter.waiting()).toBe(1)
    await pass(1)
    limiter.sweep(Date.now())
    expect((await entry).kind).toBe('late')
  })

  test('admits as many calls as the limit allows, and the next call when an admitted call has ended', async () => {
    const { enter, limiter, came } = setup({ concurrent: 1 })
    void enter('a', {})
    await pass(10)
    expect(limiter.live()).toEqual(['a'])
    const second = enter('b', {})
    await pass(60_000)
    expect(came).toEqual(['a'])
    limiter.leave('a', { reserved: 10, used: 10, closedMs: undefined })
    await pass(1_000)
    expect(await second).toEqual({ kind: 'in' })
  })

  test('admits no call after a refusal until the pause that the provider asked for has ended', async () => {
    const { enter, limiter, came } = setup({})
    await enter('a', {})
    limiter.leave('a', { reserved: 10, used: 0, closedMs: 300 })
    expect(limiter.expectedWaitMs({ tenant: 't', priority: 'medium', sinceMs: 1 })).toBeGreaterThan(
      200,
    )
    const next = enter('b', {})
    await pass(299)
    expect(came).toEqual(['a'])
    await pass(1_000)
    expect(await next).toEqual({ kind: 'in' })
  })

  test('applies the limits that the provider reports', async () => {
    const { enter, limiter, came } = setup({})
    await enter('a', {})
    // The next call passes after ten seconds.
    limiter.heard({ rpm: 6 })
    void enter('b', {})
    void enter('c', {})
    await pass(9_000)
    expect(came).toEqual(['a'])
    expect(limiter.waiting()).toBe(2)
    await pass(3_000)
    expect(came).toEqual(['a', 'b'])
  })

  test('removes a waiting call that was cancelled', async () => {
    const { enter, limiter, takeBack } = setup({ rpm: 60 })
    const entry = enter('a', {})
    takeBack.get('a')?.()
    expect(await entry).toEqual({ kind: 'taken-back' })
    expect(limiter.waiting()).toBe(0)
  })
})
