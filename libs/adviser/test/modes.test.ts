import { describe, expect, it } from 'vitest'
import { createAdviser, defineQuestion } from '../src/index.ts'
import {
  ANSWER,
  SEEN,
  eventually,
  hangs,
  says,
  scaling,
  setup,
  startProvider,
  stateOf,
} from './support.ts'

const good = says(JSON.stringify(ANSWER))

describe('an adviser', () => {
  it('calls no provider in mode off, and logs once that the mode is off', async () => {
    await using provider = await startProvider(good)
    const { adviser, ask, records, lines } = setup({ baseUrl: provider.url, mode: 'off' })
    expect(await ask()).toEqual({ kind: 'not-applied', reason: 'off' })
    adviser.refresh(scaling, SEEN)
    expect(adviser.current(scaling)).toEqual({ kind: 'not-applied', reason: 'off' })
    await adviser.close()
    expect(provider.calls).toEqual([])
    expect(records).toEqual([])
    expect(lines).toHaveLength(1)
  })

  it('is off when key and base URL are missing, no matter which mode is configured', async () => {
    const { adviser, ask, lines } = setup({ apiKey: undefined, baseUrl: undefined })
    expect(adviser.mode).toBe('off')
    expect(await ask()).toEqual({ kind: 'not-applied', reason: 'off' })
    expect(lines.map(({ message }) => message)).toEqual([
      'The adviser is off because the service has no key and no base URL of a provider; the policies decide alone',
    ])
  })

  it('asks the LLM and records the answers in mode shadow, and applies neither new nor cached answers', async () => {
    await using provider = await startProvider(good)
    const { adviser, ask, records } = setup({ baseUrl: provider.url, mode: 'shadow' })
    for (let n = 0; n < 2; n += 1) {
      const advice = await ask()
      expect(advice).toMatchObject({ kind: 'not-applied', reason: 'shadow' })
      expect(advice).not.toHaveProperty('answer')
      expect(advice.record).toMatchObject({ mode: 'shadow', outcome: 'shadow', answer: ANSWER })
    }
    adviser.refresh(scaling, stateOf(5))
    await eventually(() => expect(adviser.current(scaling)).toMatchObject({ reason: 'shadow' }))
    expect(records.map(({ cached }) => cached)).toEqual([false, true, false])
  })
})

describe('advice that the adviser asks for in the background', () => {
  it('is available as soon as it has arrived, and stays in force until it expires', async () => {
    await using provider = await startProvider(good)
    const { adviser, clock, records } = setup({ baseUrl: provider.url })
    expect(adviser.current(scaling)).toEqual({ kind: 'not-applied', reason: 'none' })
    adviser.refresh(scaling, SEEN)
    expect(adviser.current(scaling)).toEqual({ kind: 'not-applied', reason: 'pending' })
    await eventually(() => expect(adviser.current(scaling).kind).toBe('applied'))
    expect(adviser.current(scaling)).toMatchObject({ answer: ANSWER, record: records[0]! })
    clock.advance(599_999)
    expect(adviser.current(scaling).kind).toBe('applied')
    clock.advance(1)
    expect(adviser.current(scaling)).toMatchObject({
      kind: 'not-applied',
      reason: 'expired',
      record: { outcome: 'expired', answer: ANSWER },
    })
  })

  it('is asked for once at a time under each question name, and again only after the interval of the question', async () => {
    await using provider = await startProvider(hangs)
    const { adviser, clock, records } = setup({ baseUrl: provider.url })
    for (let n = 0; n < 50; n += 1) {
      adviser.refresh(scaling, stateOf(n))
      clock.advance(60_000)
    }
    await eventually(() => expect(provider.calls).toHaveLength(1))
    const [held] = provider.waiting
    provider.behaviour = good
    if (held) good(held, provider.calls[0]!)
    await eventually(() => expect(records).toHaveLength(1))
    for (let n = 0; n < 50; n += 1) {
      adviser.refresh(scaling, stateOf(60 + n))
      clock.advance(1_000)
    }
    await eventually(() => expect(records).toHaveLength(2))
    expect(provider.calls).toHaveLength(2)
  })

  it('is renewed before it expires, and stays in force when the renewal fails', async () => {
    await using provider = await startProvider(good)
    const { adviser, clock, records } = setup({ baseUrl: provider.url })
    adviser.refresh(scaling, SEEN)
    await eventually(() => expect(records).toHaveLength(1))
    clock.advance(60_000)
    adviser.refresh(scaling, SEEN)
    await eventually(() => expect(records).toHaveLength(2))
    provider.behaviour = says('nonsense')
    clock.advance(490_000)
    adviser.refresh(scaling, SEEN)
    await eventually(() => expect(records).toHaveLength(3))
    expect(records.map(({ cached, outcome }) => [cached, outcome])).toEqual([
      [false, 'applied'],
      [true, 'applied'],
      [false, 'invalid'],
    ])
    expect(adviser.current(scaling).kind).toBe('applied')
    clock.advance(50_000)
    expect(adviser.current(scaling)).toMatchObject({ kind: 'not-applied', reason: 'invalid' })
  })

  it('ends when the adviser is closed, and a closed adviser makes no call', async () => {
    await using provider = await startProvider(hangs)
    const { adviser, ask, records } = setup({ baseUrl: provider.url })
    adviser.refresh(scaling, SEEN)
    const asked = ask(stateOf(3))
    await eventually(() => expect(provider.calls).toHaveLength(2))
    await adviser.close()
    expect(await asked).toMatchObject({ reason: 'cancelled' })
    expect(records.map(({ outcome }) => outcome)).toEqual(['cancelled', 'cancelled'])
    adviser.refresh(scaling, stateOf(4))
    expect(await ask()).toEqual({ kind: 'not-applied', reason: 'cancelled' })
    expect(provider.calls).toHaveLength(2)
    await adviser.close()
  })
})

describe('an error in the code around an adviser', () => {
  it('in a function of the question only makes the advice unavailable', async () => {
    await using provider = await startProvider(good)
    const { adviser, lines } = setup({ baseUrl: provider.url })
    const fail = (): never => {
      throw new Error('a mistake')
    }
    const { signal } = new AbortController()
    const broken = defineQuestion({ ...scaling, name: 'broken', bucket: fail })
    const advice = await adviser.ask(broken, SEEN, signal)
    expect(advice).toEqual({ kind: 'not-applied', reason: 'question-failed' })
    const unclamped = defineQuestion({ ...scaling, name: 'unclamped', clamp: fail })
    expect(await adviser.ask(unclamped, SEEN, signal)).toMatchObject({
      reason: 'invalid',
      record: { outcome: 'invalid', raw: JSON.stringify(ANSWER) },
    })
    const outside = defineQuestion({
      ...scaling,
      name: 'outside',
      clamp: (answer) => ({ answer: { ...answer, floorDelta: 5_000 }, clamped: [] }),
    })
    expect(await adviser.ask(outside, SEEN, signal)).toMatchObject({ reason: 'invalid' })
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(3)
  })

  it('in the counter of questions does not make the advice unavailable', async () => {
    await using provider = await startProvider(good)
    const onAsked = (): never => {
      throw new Error('a mistake')
    }
    const { ask } = setup({ baseUrl: provider.url, onAsked })
    expect(await ask()).toMatchObject({ kind: 'applied' })
  })

  it('cannot occur while the adviser is only created and not asked', () => {
    const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    const { mode } = createAdviser({
      mode: 'on',
      apiKey: 'x',
      baseUrl: 'http://127.0.0.1:1/v1',
      model: 'm',
      prices: {},
      clock: { nowMs: () => 0, monotonicMs: () => 0 },
      log: silent,
      limits: {
        callsPerHour: 1,
        usdPerHour: 1,
        callsAtOnce: 1,
        timeoutMs: 100,
        outputTokensMax: 10,
      },
    })
    expect(mode).toBe('on')
  })
})
