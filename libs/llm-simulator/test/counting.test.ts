import { Agent } from 'node:http'
import { describe, expect, it } from 'vitest'
import {
  chat,
  eventually,
  getJson,
  openStream,
  postJson,
  readAnswer,
  startSimulator,
} from './support.ts'

describe('the counters and settings of the simulator', () => {
  it('tell per task and step which calls were started, finished and paid twice', async () => {
    await using simulator = await startSimulator()
    const call = async (task: string, step: string): Promise<void> => {
      const headers = { 'x-task-id': task, 'x-step': step }
      await (await chat(simulator.url, { model: 'sim-fast?tokens=5' }, { headers })).text()
    }
    await call('a', '0')
    await call('a', '1')
    await call('a', '1')
    await call('b', '0')
    const abort = new AbortController()
    const { signal } = abort
    const headers = { 'x-task-id': 'b', 'x-step': '0' }
    const model = 'sim?tps=10'
    const cut = expect(chat(simulator.url, { model }, { headers, signal })).rejects.toThrow()
    await eventually(() => expect(simulator.stats().inFlight).toBe(1))
    abort.abort()
    await cut
    await eventually(() => expect(simulator.stats().inFlight).toBe(0))

    const zero = { aborted: 0, failed: 0, refused: 0 }
    expect(await getJson(`${simulator.url}/sim/calls?task=a`)).toMatchObject({
      taskId: 'a',
      calls: [
        { step: '0', started: 1, finished: 1, ...zero },
        { step: '1', started: 2, finished: 2, ...zero },
      ],
    })
    expect(await getJson(`${simulator.url}/sim/calls`)).toMatchObject({
      repeated: [
        { taskId: 'a', step: '1', finished: 2 },
        { taskId: 'b', step: '0', finished: 1, aborted: 1 },
      ],
    })
    expect(await getJson(`${simulator.url}/sim/stats`)).toMatchObject({
      simulated: true,
      started: 5,
      finished: 4,
      aborted: 1,
      completionTokens: 20,
      models: { 'sim-fast?tokens=5': { started: 4, finished: 4 }, 'sim?tps=10': { aborted: 1 } },
      keyed: { tasks: 2, keys: 3, startedTwice: 2, finishedTwice: 1 },
    })
    await postJson(`${simulator.url}/sim/reset`, {})
    expect(simulator.stats()).toMatchObject({ started: 0, keyed: { tasks: 0, keys: 0 } })
  })

  it('count a call as finished when its client closes at [DONE]', async () => {
    await using simulator = await startSimulator()
    const model = 'sim?tokens=3&tps=20'
    const stream = await openStream(simulator.url, { model })
    for await (const bytes of stream) if (String(bytes).includes('[DONE]')) break
    stream.destroy()
    await eventually(() => expect(simulator.stats()).toMatchObject({ finished: 1, aborted: 0 }))
  })

  it('forget the oldest task at their limit (C3)', async () => {
    await using simulator = await startSimulator({ tasksRememberedMax: 2 })
    for (const task of ['a', 'b', 'c']) {
      await (await chat(simulator.url, {}, { headers: { 'x-task-id': task } })).text()
    }
    expect(simulator.callsOf('a')).toEqual([])
    expect(simulator.stats().keyed).toMatchObject({ tasks: 2, tasksForgotten: 1, keys: 2 })
  })

  it('change at run time only if every setting in the request is valid', async () => {
    await using simulator = await startSimulator()
    const change = (body: unknown): Promise<Response> =>
      postJson(`${simulator.url}/sim/config`, body)
    expect((await change({ ttftMs: 5, anyModel: 1 })).status).toBe(200)
    expect((await chat(simulator.url, { model: 'gpt-anything' })).status).toBe(200)
    const wrong = await change({ ttftMs: 7, speed: 1, fault500: 2 })
    expect(wrong.status).toBe(400)
    const { error } = await readAnswer(wrong)
    expect(error.message).toMatch(/speed.*fault500/)
    expect(simulator.settings().ttftMs).toBe(5)
  })
})

describe('many streams of the simulator', () => {
  it(
    'complete with bounded memory, even 2,000 of them at the same time',
    { timeout: 60_000 },
    async () => {
      await using simulator = await startSimulator()
      const agent = new Agent({ maxSockets: Infinity })
      // A busy machine opens the last stream seconds after the first.
      const model = 'sim?ttft=2000&tps=16&tokens=40'
      const before = process.memoryUsage().rss
      let done = 0
      await Promise.all(
        Array.from({ length: 2_000 }, async () => {
          const stream = await openStream(simulator.url, { model }, agent)
          let tail = ''
          for await (const bytes of stream) tail = (tail + String(bytes)).slice(-16)
          if (tail.endsWith('data: [DONE]\n\n')) done += 1
        }),
      )
      agent.destroy()
      expect(done).toBe(2_000)
      expect(simulator.stats()).toMatchObject({
        started: 2_000,
        finished: 2_000,
        completionTokens: 80_000,
        failed: 0,
      })
      expect(simulator.stats().inFlightPeak).toBeGreaterThan(1_000)
      // Both ends of every connection are in this process.
      expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024)
    },
  )
})
