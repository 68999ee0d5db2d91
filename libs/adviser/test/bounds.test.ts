import { describe, expect, it } from 'vitest'
import {
  ANSWER,
  CALL_USD,
  SEEN,
  eventually,
  hangs,
  says,
  sends,
  setup,
  startProvider,
  stateOf,
} from './support.ts'

const HOUR_MS = 3_600_000
const good = says(JSON.stringify(ANSWER))
const bad = says('not JSON')
const limitsOf = (limits: object) => limits as never

describe('cached answers of the adviser', () => {
  it('are used for similar states without a call, and are clamped by the current figures', async () => {
    await using provider = await startProvider(good)
    const { ask, records, clock } = setup({ baseUrl: provider.url })
    await ask()
    clock.advance(599_000)
    const full = await ask({ ...SEEN, queued: 1_201, nodes: 20 })
    expect(full).toMatchObject({ kind: 'applied', answer: { floorDelta: 0 } })
    expect(await ask()).toMatchObject({ answer: { floorDelta: 1 } })
    expect(records.slice(1)).toMatchObject([
      { cached: true, costUsd: 0, clamped: [{ field: 'floorDelta', from: 1, to: 0 }] },
      { cached: true, costUsd: 0, clamped: [] },
    ])
    expect(new Set(records.map(({ stateHash }) => stateHash)).size).toBe(1)
    expect(provider.calls).toHaveLength(1)
  })

  it('expire ten minutes after the provider gave them, and are not used for other states', async () => {
    await using provider = await startProvider(good)
    const { ask, records, clock } = setup({ baseUrl: provider.url })
    await ask()
    await ask(stateOf(7))
    clock.advance(400_000)
    await ask()
    clock.advance(200_000)
    await ask()
    expect(records.map(({ cached }) => cached)).toEqual([false, false, true, false])
  })

  it('never contain an invalid answer', async () => {
    await using provider = await startProvider(bad)
    const { ask } = setup({ baseUrl: provider.url })
    await ask()
    provider.behaviour = good
    expect(await ask()).toMatchObject({ kind: 'applied', record: { cached: false } })
  })
})

describe('the budget of the adviser', () => {
  it('bounds the calls in any hour', async () => {
    await using provider = await startProvider(good)
    const { ask, records, clock } = setup({
      baseUrl: provider.url,
      limits: limitsOf({ callsPerHour: 3 }),
    })
    for (let n = 0; n < 5; n += 1) {
      await ask(stateOf(n))
      clock.advance(60_000)
    }
    expect(records.map(({ outcome }) => outcome)).toEqual([
      'applied',
      'applied',
      'applied',
      'over-budget',
      'over-budget',
    ])
    // The first call is an hour old, the second is not.
    clock.advance(HOUR_MS - 5 * 60_000)
    expect(await ask(stateOf(5))).toMatchObject({ kind: 'applied' })
    expect(await ask(stateOf(6))).toMatchObject({ reason: 'over-budget' })
    expect(provider.calls).toHaveLength(4)
  })

  it('leaves calls and money of the hour to a quiet tenant, however often a loud tenant asks, and one tenant alone may use the whole hour', async () => {
    await using provider = await startProvider(good)
    const budgets = [{ callsPerHour: 8 }, { usdPerHour: 0.1 }].map(limitsOf)
    for (const limits of budgets) {
      const { askFor } = setup({ baseUrl: provider.url, limits })
      let answered = 0
      for (let n = 0; n < 60; n += 1) {
        const { kind } = await askFor({ tenant: 'loud', tenants: 2 }, stateOf(n))
        if (kind === 'applied') answered += 1
      }
      expect(answered).toBeGreaterThan(2)
      const quiet = await askFor({ tenant: 'quiet', tenants: 2 }, stateOf(100))
      expect(quiet).toMatchObject({ kind: 'applied' })
    }
    const { askFor } = setup({ baseUrl: provider.url, limits: limitsOf({ callsPerHour: 8 }) })
    for (let n = 0; n < 8; n += 1) {
      const alone = await askFor({ tenant: 'loud', tenants: 1 }, stateOf(n))
      expect(alone).toMatchObject({ kind: 'applied' })
    }
  })

  it('bounds the money in any hour, even when the cost of a call is missing', async () => {
    await using provider = await startProvider(good)
    const limits = limitsOf({ usdPerHour: 0.02, timeoutMs: 1_000 })
    const { ask, clock, records } = setup({ baseUrl: provider.url, limits })
    for (let n = 0; n < 20; n += 1) await ask(stateOf(n))
    const spent = records.reduce((sum, { costUsd }) => sum + costUsd, 0)
    // A call may cost up to 0.0107 USD, so the last call leaves more than that.
    expect(provider.calls).toHaveLength(5)
    expect(spent).toBeCloseTo(5 * CALL_USD)
    clock.advance(HOUR_MS)
    provider.behaviour = hangs
    expect(await ask(stateOf(30))).toMatchObject({ reason: 'timeout' })
    expect(await ask(stateOf(31))).toMatchObject({ reason: 'over-budget' })
  })

  it.each([
    ['a negative usage', { prompt_tokens: -1e9, completion_tokens: -1e9 }],
    ['a usage of text', { prompt_tokens: 'none', completion_tokens: 0 }],
    ['no usage', undefined],
  ])('is not exceeded by %s', async (_, usage) => {
    const message = { role: 'assistant', content: JSON.stringify(ANSWER) }
    const body = JSON.stringify({ choices: [{ message, finish_reason: 'stop' }], usage })
    await using provider = await startProvider(sends(200, body))
    const { ask } = setup({ baseUrl: provider.url, limits: limitsOf({ usdPerHour: 0.02 }) })
    const first = await ask(stateOf(1))
    expect(first).toMatchObject({ kind: 'applied' })
    expect(first.record?.costUsd).toBeGreaterThan(0.01)
    expect(await ask(stateOf(2))).toMatchObject({ reason: 'over-budget' })
  })

  it('bounds the number of calls at the same time, and the caller may cancel a call', async () => {
    await using provider = await startProvider(hangs)
    const { ask } = setup({ baseUrl: provider.url, limits: limitsOf({ callsAtOnce: 2 }) })
    const controller = new AbortController()
    const both = [1, 2].map((n) => ask(stateOf(n), controller.signal))
    expect(await ask(stateOf(3))).toMatchObject({ reason: 'over-budget' })
    await eventually(() => expect(provider.calls).toHaveLength(2))
    controller.abort()
    expect(await Promise.all(both)).toMatchObject([
      { reason: 'cancelled', record: { outcome: 'cancelled' } },
      { reason: 'cancelled', record: { outcome: 'cancelled' } },
    ])
    expect(await ask(SEEN, controller.signal)).toEqual({ kind: 'not-applied', reason: 'cancelled' })
    provider.behaviour = good
    expect(await ask(stateOf(4))).toMatchObject({ kind: 'applied' })
  })
})

describe('the circuit breaker of the adviser', () => {
  it('opens after three failures for ten minutes, then lets one probe through', async () => {
    await using provider = await startProvider(sends(429, '{}'))
    const { ask, clock, records, lines } = setup({ baseUrl: provider.url })
    for (let n = 0; n < 5; n += 1) await ask(stateOf(n))
    expect(provider.calls).toHaveLength(3)
    expect(records.at(-1)).toMatchObject({ outcome: 'circuit-open', costUsd: 0, tookMs: 0 })

    clock.advance(599_999)
    expect(await ask()).toMatchObject({ reason: 'circuit-open' })
    clock.advance(1)
    provider.behaviour = hangs
    const controller = new AbortController()
    const probe = ask(SEEN, controller.signal)
    expect(await ask(stateOf(8))).toMatchObject({ reason: 'circuit-open' })
    controller.abort()
    // A cancelled probe has shown nothing: the next call is the probe.
    expect(await probe).toMatchObject({ reason: 'cancelled' })
    provider.behaviour = bad
    expect(await ask()).toMatchObject({ reason: 'invalid' })
    expect(await ask()).toMatchObject({ reason: 'circuit-open' })

    clock.advance(600_000)
    provider.behaviour = good
    expect(await ask()).toMatchObject({ kind: 'applied' })
    expect(await ask(stateOf(9))).toMatchObject({ kind: 'applied' })
    const told = lines.filter(({ message }) =>
      /does not ask the adviser for some minutes|answers questions again/.test(message ?? ''),
    )
    expect(told.map(({ level }) => level)).toEqual(['warn', 'warn', 'info'])
  })

  it('counts consecutive failures of every kind, and gives cached answers while it is open', async () => {
    await using provider = await startProvider(good)
    const { ask } = setup({ baseUrl: provider.url })
    await ask()
    for (const behaviour of [bad, bad, good, bad, sends(500, '{}'), bad]) {
      provider.behaviour = behaviour
      await ask(stateOf(provider.calls.length + 10))
    }
    expect(provider.calls).toHaveLength(7)
    expect(await ask(stateOf(99))).toMatchObject({ reason: 'circuit-open' })
    expect(await ask()).toMatchObject({ kind: 'applied', record: { cached: true } })
    expect(provider.calls).toHaveLength(7)
  })

  it('ignores the result of a call that began before the breaker opened', async () => {
    await using provider = await startProvider(hangs)
    const { ask, clock } = setup({ baseUrl: provider.url })
    const early = ask(stateOf(1))
    await eventually(() => expect(provider.calls).toHaveLength(1))
    const [held] = provider.waiting
    provider.behaviour = bad
    for (let n = 2; n < 5; n += 1) await ask(stateOf(n))
    if (held) good(held, provider.calls[0]!)
    expect(await early).toMatchObject({ kind: 'applied' })
    clock.advance(1_000)
    expect(await ask(stateOf(6))).toMatchObject({ reason: 'circuit-open' })
  })
})
