/** What coordinators answer gateways: tasks over time, and the queues. */
import { CHANNELS } from '@agentfleet/protocol'
import { systemClock } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBench, type Bench } from '../support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())

test('a coordinator that has started again returns the same statistics over time, and counts how many tasks wait (L8)', async () => {
  const first = await bench.start()
  await bench.submit({}, { pointer: true })
  await bench.submit({ priority: 'high' }, { tenant: 'u' })
  const { taskId } = await bench.submit()
  await bench.complete(taskId)
  await bench.end(first)
  const second = await bench.start()
  const series = async (tenant?: string) => {
    const range = { fromMs: Date.now() - 600_000, toMs: Date.now() + 60_000 }
    const whose = tenant === undefined ? {} : { tenant }
    const question = { ...whose, ...range, step: '1m' } as const
    const answer = await bench.gateway.ask(CHANNELS.series, question, 5_000)
    if (answer.kind !== 'reply' || answer.body.kind !== 'series') throw new Error(answer.kind)
    return (answer.body.series[0]?.points ?? []).reduce(
      (sum, { submitted, completed, inputTokens }) => ({
        submitted: sum.submitted + submitted,
        completed: sum.completed + completed,
        inputTokens: sum.inputTokens + inputTokens,
      }),
      { submitted: 0, completed: 0, inputTokens: 0 },
    )
  }
  expect(await series('t')).toEqual({ submitted: 2, completed: 1, inputTokens: 10 })
  expect(await series()).toEqual({ submitted: 3, completed: 1, inputTokens: 10 })
  const answer = await bench.gateway.ask(CHANNELS.queues, { tenant: 't' }, 5_000)
  expect(answer).toMatchObject({
    kind: 'reply',
    body: { queues: [{ tenant: 't', priority: 'medium', retrying: 0 }] },
  })
  await bench.end(second)
})

test('a coordinator looks at the queues at most once in a moment, unless the question asks for a fresh look (L7)', async () => {
  // The moment never passes.
  await bench.start({ clock: { ...systemClock, monotonicMs: () => 0 } })
  const running = async (fresh: boolean): Promise<number> => {
    const answer = await bench.gateway.ask(CHANNELS.queues, { tenant: 'v', fresh }, 5_000)
    if (answer.kind !== 'reply' || answer.body.kind !== 'queues') throw new Error(answer.kind)
    return answer.body.queues[0]?.inFlight ?? 0
  }
  expect(await running(false)).toBe(0)
  await bench.submit({}, { tenant: 'v' })
  await eventually(async () => {
    expect(await running(false)).toBe(0)
    expect(await running(true)).toBe(1)
  })
})
