import { describe, expect, it } from 'vitest'
import { chat, eventually, openStream, postJson, readEvents, startSimulator } from '../support.ts'

describe('an injected fault of the simulator', () => {
  it('with status 429 or 500 refuses the call with a retry time, and costs nothing', async () => {
    await using simulator = await startSimulator({ retryAfterMs: 1_500 })
    const limited = await chat(simulator.url, { model: 'sim?fault=429' })
    expect(limited.status).toBe(429)
    expect(limited.headers.get('retry-after')).toBe('2')
    expect(limited.headers.get('retry-after-ms')).toBe('1500')
    const failed = await chat(simulator.url, { sim: { fault: '500' } })
    expect(failed.status).toBe(500)
    expect(await failed.json()).toMatchObject({ error: { type: 'server_error' } })
    expect(simulator.stats()).toMatchObject({ started: 0, faults: { '429': 1, '500': 1 } })
  })

  it('named hang sends no byte until its client gives up or its time is over', async () => {
    await using simulator = await startSimulator({ hangMaxMs: 100 })
    await expect(chat(simulator.url, { model: 'sim?fault=hang' })).rejects.toThrow()
    await eventually(() => expect(simulator.stats()).toMatchObject({ failed: 1, inFlight: 0 }))
    await postJson(`${simulator.url}/sim/config`, { hangMaxMs: 60_000 })
    const abort = new AbortController()
    const { signal } = abort
    const hanging = chat(simulator.url, { model: 'sim?fault=hang', stream: true }, { signal })
    const ended = expect(hanging).rejects.toThrow()
    await eventually(() => expect(simulator.stats().inFlight).toBe(1))
    abort.abort()
    await ended
    await eventually(() => expect(simulator.stats()).toMatchObject({ aborted: 1, inFlight: 0 }))
  })

  it('named cut breaks the connection in the middle, streamed or whole', async () => {
    await using simulator = await startSimulator()
    const response = await chat(simulator.url, {
      model: 'sim?tokens=10&fault=cut&after=4',
      stream: true,
    })
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
    const whole = await chat(simulator.url, { model: 'sim?tokens=10&fault=cut' })
    expect(whole.status).toBe(200)
    await expect(whole.text()).rejects.toThrow()
    await eventually(() =>
      expect(simulator.stats()).toMatchObject({ started: 2, failed: 2, finished: 0 }),
    )
  })

  it('named malformed ends the answer properly, but the body of the answer is not JSON', async () => {
    await using simulator = await startSimulator()
    const model = 'sim?tokens=10&fault=malformed'
    const whole = await chat(simulator.url, { model })
    await expect(whole.json()).rejects.toThrow(SyntaxError)
    const events = await readEvents(await chat(simulator.url, { model, stream: true }))
    expect(events).toHaveLength(1 + 5 + 1)
    expect(() => JSON.parse(events.at(-1) ?? '')).toThrow(SyntaxError)
  })

  it('named drip slows the answer down, streamed or whole', async () => {
    await using simulator = await startSimulator({ dripTokensPerSecond: 20 })
    for (const stream of [true, false]) {
      const startedAtMs = performance.now()
      const response = await chat(simulator.url, { model: 'sim?tokens=11&fault=drip', stream })
      // The answer has begun and not ended.
      expect(simulator.stats().inFlight).toBe(1)
      await response.text()
      expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(490)
    }
  })

  it('with a probability hits the same requests when the seed is the same', async () => {
    await using simulator = await startSimulator({ fault500: 0.3, fault429: 0.2, seed: 7 })
    const round = async (): Promise<number[]> => {
      const statuses: number[] = []
      for (let index = 0; index < 40; index += 1) {
        const response = await chat(simulator.url, {})
        statuses.push(response.status)
        await response.text()
      }
      return statuses
    }
    const first = await round()
    expect(new Set(first)).toEqual(new Set([200, 429, 500]))
    await postJson(`${simulator.url}/sim/reset`, {})
    expect(await round()).toEqual(first)
  })

  it('occurs only in the first calls of a step when configured so', async () => {
    await using simulator = await startSimulator()
    const statuses: number[] = []
    for (const step of ['1', '1', '1', '2']) {
      const headers = { 'x-task-id': 'a', 'x-step': step, 'x-sim-fault': '500', 'x-sim-times': '2' }
      statuses.push((await chat(simulator.url, {}, { headers })).status)
    }
    expect(statuses).toEqual([500, 500, 200, 500])
  })
})

describe('the limits of the simulator', () => {
  it('on requests a minute refuse further requests, and count them', async () => {
    await using simulator = await startSimulator({ requestsPerMinute: 3 })
    const responses = await Promise.all(Array.from({ length: 5 }, () => chat(simulator.url, {})))
    const refused = responses.filter((response) => response.status === 429)
    expect(refused).toHaveLength(2)
    expect(refused[0]?.headers.get('x-simulated')).toBe('true')
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(10)
    expect(await refused[0]?.json()).toMatchObject({
      error: { type: 'requests', code: 'rate_limit_exceeded' },
    })
    expect(simulator.stats().refusals.limited).toBe(2)
  })

  it('on tokens a minute let requests pass again after a while', async () => {
    await using simulator = await startSimulator({ tokensPerMinute: 12_000, limitBurstMs: 500 })
    const ask = (): Promise<Response> => chat(simulator.url, { model: 'sim?tokens=90' })
    // Sent together, because the limit lets the second one pass 0.4 s after the first.
    const [first, second] = (await Promise.all([ask(), ask()])).sort((a, b) => a.status - b.status)
    expect(first!.status).toBe(200)
    expect(first!.headers.get('x-ratelimit-limit-tokens')).toBe('12000')
    expect(second!.status).toBe(429)
    expect(await second!.json()).toMatchObject({ error: { type: 'tokens' } })
    await eventually(async () => expect((await ask()).status).toBe(200))
  })

  it('on calls in flight cause an answer with status 503', async () => {
    await using simulator = await startSimulator({ inFlightMax: 1 })
    const abort = new AbortController()
    const hanging = chat(simulator.url, { model: 'sim?fault=hang' }, { signal: abort.signal })
    const ended = expect(hanging).rejects.toThrow()
    await eventually(() => expect(simulator.stats().inFlight).toBe(1))
    const refused = await chat(simulator.url, {})
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    abort.abort()
    await ended
    await eventually(() => expect(simulator.stats().inFlight).toBe(0))
    expect((await chat(simulator.url, {})).status).toBe(200)
  })

  it('on waiting bytes drop a client that stops reading (P1)', async () => {
    await using simulator = await startSimulator({
      clientBufferBytesMax: 4_096,
      clientStallMs: 100,
      writeIntervalMs: 1,
    })
    const stream = await openStream(simulator.url, { model: 'sim?tokens=100000' })
    stream.once('error', () => {})
    await eventually(() =>
      expect(simulator.stats()).toMatchObject({ failed: 1, inFlight: 0, stalledClients: 1 }),
    )
    expect(simulator.stats().completionTokens).toBeLessThan(100_000)
    stream.destroy()
  })
})
