import { CHANNELS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

const POINT = {
  atMs: 1_769_860_800_000,
  submitted: 2,
  started: 2,
  completed: 1,
  failed: 1,
  cancelled: 0,
  retried: 0,
  lost: 0,
  llmCalls: 1,
  inputTokens: 10,
  outputTokens: 5,
  costUsd: 0.1,
  unpricedCalls: 0,
  waitMs: { count: 2, p50: 4, p99: 8 },
}

test('a caller sees its own stats and queues, also only the chosen figures, and only an operator sees the stats and queues of the fleet', async () => {
  const own = 'acme-key-of-16-chars'
  const operator = 'ops-key-of-16-chars!'
  await using bench = await setup({
    API_KEYS: `acme:${own},ops:${operator}`,
    OPERATOR_TENANTS: 'ops',
  })
  const key = bench.client(own)
  await expect(key.stats()).rejects.toMatchObject({ problem: { code: 'coordinator-unavailable' } })
  const asked: unknown[] = []
  const coordinator = await bench.servers.connect('coordinator')
  coordinator.on(CHANNELS.series, async (question) => {
    asked.push(question)
    return { kind: 'series', knownFromMs: 0, series: [{ points: [POINT] }] }
  })
  coordinator.on(CHANNELS.queues, async ({ tenant = 'all' }) => ({
    kind: 'queues',
    atMs: 1,
    queues: [{ tenant, priority: 'low', waiting: 1, inFlight: 0, retrying: 0, oldestAtMs: 0 }],
  }))
  const range = { step: '1m', to: '2026-01-31T13:00:00Z' } as const
  const stats = await eventually(() => key.stats(range), 10_000)
  expect(stats).toMatchObject({
    scope: 'tenant',
    from: '2026-01-31T12:00:00.000Z',
    to: '2026-01-31T13:00:00.000Z',
    series: [{ points: [{ at: '2026-01-31T12:00:00.000Z', submitted: 2 }] }],
  })
  expect(asked.at(-1)).toMatchObject({ tenant: stats.tenant, step: '1m' })
  const chosen = await key.stats({ ...range, series: ['submitted', 'waitMs', 'failed'] })
  const [point = {}] = chosen.series[0]?.points ?? []
  expect(Object.keys(point)).toEqual(['at', 'submitted', 'failed', 'waitMs'])
  const { queues } = await eventually(() => key.queues(), 10_000)
  expect(queues).toMatchObject([
    { tenant: stats.tenant, weight: 1, oldestQueuedAt: '1970-01-01T00:00:00.000Z' },
  ])
  await expect(key.stats({ from: '2020-01-01' })).rejects.toMatchObject({
    problem: { code: 'invalid-request', errors: [{ pointer: 'query/from' }] },
  })
  await expect(key.stats({ scope: 'fleet' })).rejects.toMatchObject({
    problem: { code: 'operators-only' },
  })
  const fleet = await bench.client(operator).stats({ scope: 'fleet' })
  expect([fleet.tenant, asked.at(-1)]).toEqual([
    undefined,
    expect.not.objectContaining({ tenant: 'ops' }),
  ])
  await expect(key.queues('fleet')).rejects.toMatchObject({ problem: { code: 'operators-only' } })
})
