import type { EventView, TaskRequest, TaskView, UsageReport } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinSharedFleet, type Tenant } from './tenant.ts'

/** Several providers, their faults, budgets and costs, through the public API alone. */
let test: Tenant
beforeAll(async () => {
  test = await joinSharedFleet('providers')
})
afterAll(() => test[Symbol.asyncDispose]())

async function run(task: Partial<TaskRequest> & { model: string }): Promise<TaskView> {
  return test.client.submit({ task: 'x', ...task } as TaskRequest, { waitSeconds: 40 })
}

async function eventsOf(id: string): Promise<readonly EventView[]> {
  const { body } = await test.call(`/v1/tasks/${id}/events`)
  return (body as { events: EventView[] }).events
}

describe('a provider that does not answer', () => {
  it.each(['to-dead', 'to-busy', 'to-slow'])(
    'is skipped, and the node calls the next provider: %s',
    async (model) => {
      const view = await run({ model })
      expect(view).toMatchObject({ state: 'completed', failures: 0 })
      expect(view.usage.costUsd).toBeGreaterThan(0)
      const [ending] = (await eventsOf(view.id)).filter(({ type }) => type === 'completed')
      expect(ending?.by).toEqual({
        provider: 'good',
        model: 'sim-fast?tokens=5',
        prices: 'of-the-test',
      })
    },
  )

  it('makes the node use the next model of the task, and the journal names this model', async () => {
    const view = await run({ model: 'only-gone', fallbackModels: ['half'] })
    expect(view).toMatchObject({ state: 'completed', failures: 0, result: 'done' })
    const [call] = (await eventsOf(view.id)).flatMap(({ call: each }) => each ?? [])
    expect(call).toMatchObject({ name: 'half', by: { provider: 'good', model: 'sim-script:half' } })
  })

  it('makes a task fail with the reason if the task has no other provider', async () => {
    const view = await run({ model: 'only-gone', maxAttempts: 1 })
    expect(view).toMatchObject({ state: 'failed', error: { code: 'provider-unavailable' } })
  })
})

describe('Retry-After', () => {
  it('on a 429 delays the run and does not count as a failed attempt', async () => {
    const startedAt = performance.now()
    const view = await run({ model: 'limited-once' })
    expect(view).toMatchObject({ state: 'completed', failures: 0, attempt: 1 })
    expect(performance.now() - startedAt).toBeGreaterThan(1_400)
  })

  it('from a failing provider sets the time of the next attempt', async () => {
    const view = await run({ model: 'closed', maxAttempts: 2 })
    expect(view).toMatchObject({ state: 'failed', failures: 1 })
    const failed = (await eventsOf(view.id)).find(({ type }) => type === 'attempt-failed')
    const waitMs = (failed?.retryAtMs ?? 0) - (failed?.atMs ?? 0)
    expect(waitMs).toBeGreaterThanOrEqual(3_000)
    expect(waitMs).toBeLessThan(5_000)
  })
})

describe('the budget of a task or tenant', () => {
  it('in turns ends a task with its partial result when the turns are used up', async () => {
    const view = await run({ model: 'half', budget: { turns: 1 } })
    expect(view).toMatchObject({
      state: 'failed',
      error: { code: 'budget-exceeded' },
      result: 'half way',
      usage: { llmCalls: 1 },
    })
    expect(view.error?.message).toContain('1 LLM calls; it may make at most 1')
  })

  it.each<[string, TaskRequest['budget']]>([
    ['tokens', { tokens: 20 }],
    ['USD', { usd: 0.000_001 }],
  ])('in %s is checked before a call is made', async (_what, budget) => {
    const view = await run({ model: 'half', ...(budget === undefined ? {} : { budget }) })
    expect(view).toMatchObject({ state: 'failed', error: { code: 'budget-exceeded' } })
    expect(view.usage.llmCalls).toBe(0)
  })

  it('for a tenant lets no call through that would exceed the budget', async () => {
    const first = await run({ model: 'dear', maxOutputTokens: 10 })
    expect(first).toMatchObject({ state: 'completed', usage: { costUsd: 0.5 } })
    const second = await run({ model: 'dear', maxOutputTokens: 10 })
    expect(second).toMatchObject({ state: 'failed', error: { code: 'budget-exceeded' } })
    expect(second.error?.message).toMatch(/used 0\.5\d* of 0\.6 USD \(usd-per-day\).* at 20\d\d-/)
  })

  it('in USD makes a task fail at once with a separate error code if its model has no price', async () => {
    const view = await run({ model: 'unpriced', budget: { usd: 1 } })
    expect(view).toMatchObject({ state: 'failed', error: { code: 'no-price' } })
  })
})

describe('the usage of a day', () => {
  it('is the sum of the usage of the tasks', async () => {
    await eventually(async () => {
      // Listings are a projection: the last ending may not be in it yet.
      const { tasks } = await test.client.list({ limit: 100 })
      const views = await Promise.all(tasks.map(({ id }) => test.client.get(id)))
      const tokens = views.reduce((sum, { usage }) => sum + usage.outputTokens, 0)
      const calls = views.reduce((sum, { usage }) => sum + usage.llmCalls, 0)
      const cost = views.reduce((sum, { usage }) => sum + (usage.costUsd ?? 0), 0)
      expect(calls).toBeGreaterThan(0)
      const { status, body } = await test.call('/v1/usage')
      expect(status).toBe(200)
      const { total, days } = body as UsageReport
      expect(total).toMatchObject({ outputTokens: tokens, llmCalls: calls })
      expect(total.costUsd).toBeCloseTo(cost, 9)
      const names = days.flatMap(({ models }) => models.map(({ model }) => model))
      expect(names).toContain('dear?tokens=10')
    })
  })
})
