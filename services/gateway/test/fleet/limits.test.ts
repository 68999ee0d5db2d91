import { connectProviderLimits } from '@agentfleet/adapters'
import { CHANNELS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

test('a tenant can read its limits, how much of each it uses and its calls set aside, and what the keys of the providers admit, and an operator can read how full the stores are', async () => {
  const keys = { acme: 'acme-key-of-16-chars', ops: 'ops-key-of-16-chars!' }
  const adminKey = 'the-admin-key-of-this-test-0123456789'
  await using bench = await setup({
    API_KEYS: `acme:${keys.acme},ops:${keys.ops}`,
    ADMIN_KEY: adminKey,
    OPERATOR_TENANTS: 'ops',
    TENANT_LIMITS: '{"acme": {"tasks": 7, "weight": 2}}',
    TENANT_BUDGETS: '{"acme": {"usdPerDay": 50, "tokensPerHour": 1000}}',
  })
  const coordinator = await bench.servers.connect('coordinator')
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const worker = await connectProviderLimits({ url: bench.servers.redis.url, log })
  bench.servers.closing(worker)
  await worker.reserveBudget('acme', {
    budget: { usdPerDay: 50 },
    id: 'call',
    tokens: 40,
    usd: 0.5,
    lifetimeMs: 600_000,
  })
  const node = await bench.servers.connect('worker')
  const keyLimits = { requestsPerMinute: 600, requestsLeft: 5, closedForMs: 0, waiting: 2 }
  const model = {
    provider: 'first',
    model: 'm',
    calls: 1,
    breaker: 'open',
    closedForMs: 900,
  } as const
  await bench.client(keys.acme).putAgent('mine', { systemPrompt: 'Say hello.' })
  await bench
    .client(keys.acme)
    .putSchedule('daily', { cron: '0 8 * * *', task: { task: 'Report' } })
  const queue = { tenant: 'acme', waiting: 0, retrying: 0 }
  coordinator.on(CHANNELS.queues, async () => ({
    kind: 'queues',
    atMs: Date.now(),
    queues: [
      { ...queue, priority: 'high', inFlight: 3 },
      { ...queue, priority: 'low', inFlight: 1 },
    ],
  }))
  const held = { tenant: 'acme', tasks: 3, ended: 5, bytes: 900 }
  const fill = { bytes: 10, maxBytes: 100 }
  await eventually(async () => {
    const all = { tasks: 3, ended: 5, tenants: [held] }
    const models = [{ ...model, keyLimits, learned: [] }]
    node.send(CHANNELS.providers, { nodeId: 'worker-1', models }, { nodeId: 'worker-1' })
    coordinator.send(CHANNELS.holdings, { seq: 1, gateways: 1, log: fill, redis: fill, ...all })
    expect(await bench.client(keys.acme).limits()).toMatchObject({
      tenant: 'acme',
      limits: {
        tasks: 7,
        weight: 2,
        agents: 200,
        schedules: 200,
        streams: 1_000,
        heldRequests: 5_000,
      },
      holds: {
        tasks: 3,
        ended: 5,
        logBytes: 900,
        agents: 1,
        schedules: 1,
        streams: 0,
        heldRequests: 0,
        concurrency: 4,
      },
      providers: [{ provider: 'first', model: 'm', breaker: 'open', keyLimits }],
      spent: { hour: { tokens: 0 }, day: { costUsd: 0 } },
      budget: {
        usdPerDay: {
          limit: 50,
          used: 0,
          setAside: 0.5,
          resetsAt: expect.stringMatching(/T00:00:00\.000Z$/) as string,
        },
        tokensPerHour: {
          limit: 1_000,
          used: 0,
          setAside: 40,
          resetsAt: expect.stringMatching(/:00:00\.000Z$/) as string,
        },
      },
    })
  })
  expect(await bench.client(keys.acme).limits()).not.toHaveProperty('stores')
  const { key } = await bench.client(adminKey).createKey({
    name: 'reader',
    tenant: 'acme',
    scopes: ['tasks:read'],
  })
  expect(await bench.client(key).limits()).not.toHaveProperty('providers')
  expect(await bench.client(keys.ops).limits()).not.toHaveProperty('budget')
  expect(await bench.client(keys.ops).limits()).toMatchObject({
    limits: { weight: 1 },
    holds: { tasks: 0 },
    stores: { log: fill, redis: fill },
  })
})

test('the rule * of TENANT_LIMITS holds for the keys of API_KEYS, whose tenant has no separate rule', async () => {
  const keys = { acme: 'acme-key-of-16-chars', other: 'other-key-of-16-chars' }
  await using bench = await setup({
    API_KEYS: `acme:${keys.acme},other:${keys.other}`,
    TENANT_LIMITS: '{"acme": {"agents": 2}, "*": {"agents": 1, "tasks": 5}}',
  })
  const define = async (key: string, name: string) =>
    bench.client(key).putAgent(name, { role: 'x' })
  await define(keys.acme, 'one')
  await define(keys.acme, 'two')
  await define(keys.other, 'one')
  await expect(define(keys.other, 'two')).rejects.toMatchObject({
    problem: { code: 'agents-full' },
  })
  expect(await bench.client(keys.other).limits()).toMatchObject({ limits: { tasks: 5 } })
})
