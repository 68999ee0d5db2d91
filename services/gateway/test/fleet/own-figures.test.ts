import { connectStore, connectUsageTotals } from '@agentfleet/adapters'
import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

test('GET /v1/fleet shows how long the oldest queued task has waited and the cost of today, without a cost if no called model has a price', async () => {
  await using bench = await setup()
  const client = bench.client()
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  const store = await connectStore({ url: bench.servers.redis.url, log })
  const usage = await connectUsageTotals({ url: bench.servers.redis.url, log })
  try {
    expect(await client.fleet()).toMatchObject({
      oldestWaitingMs: 0,
      costTodayUsd: 0,
      llmCallsToday: 0,
    })
    const tasks = await Promise.all(['a', 'b'].map((task) => client.submit({ task })))
    const records = await Promise.all(tasks.map(({ id }) => bench.taskLog.record(id)))
    const nowMs = Date.now()
    const aged = records.flatMap((record, index) =>
      record === undefined
        ? []
        : [
            {
              ...record,
              submittedAtMs: nowMs - 60_000 + index,
              updatedAtMs: nowMs - 60_000 + index * 30_000,
            },
          ],
    )
    await store.project(aged, 60_000)
    expect((await client.fleet()).oldestWaitingMs).toBeGreaterThanOrEqual(60_000)
    await store.noteInflight([{ taskId: tasks[0]!.id, nodeId: 'n1', ackSubject: 'a' }])
    const { oldestWaitingMs = 0 } = await client.fleet()
    expect(oldestWaitingMs).toBeGreaterThanOrEqual(30_000)
    expect(oldestWaitingMs).toBeLessThan(60_000)
    const spent = { inputTokens: 1, outputTokens: 1, llmCalls: 1, costUsd: 0.25 }
    const entry = {
      tenant: 'default',
      atMs: nowMs,
      model: 'm',
      provider: 'p',
      agent: 'a',
      usage: spent,
    }
    const { costUsd: _, ...unpriced } = spent
    await usage.add(0, 1, [{ ...entry, usage: unpriced }])
    const withoutPrice = await client.fleet()
    expect(withoutPrice).toMatchObject({ llmCallsToday: 1, unpricedCallsToday: 1 })
    expect(withoutPrice).not.toHaveProperty('costTodayUsd')
    await usage.add(1, 2, [{ ...entry, model: 'priced' }])
    const partlyPriced = await client.fleet()
    expect(partlyPriced).toMatchObject({ llmCallsToday: 2, unpricedCallsToday: 1 })
    expect(partlyPriced.costTodayUsd).toBeCloseTo(0.25, 9)
    await bench.servers.redis.stop('SIGKILL')
    expect(await client.fleet()).not.toHaveProperty('costTodayUsd')
  } finally {
    await Promise.all([store.close(), usage.close()])
  }
})
