import { connectProviderLimits } from '@agentfleet/adapters'
import { CHANNELS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

test('a tenant can read its limits, and how much of each it uses and its calls set aside, and an operator can read how full the stores are', async () => {
  const keys = { acme: 'acme-key-of-16-chars', ops: 'ops-key-of-16-chars!' }
  await using bench = await setup({
    API_KEYS: `acme:${keys.acme},ops:${keys.ops}`,
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
    nowMs: Date.now(),
  })
  const held = { tenant: 'acme', tasks: 3, ended: 5, bytes: 900 }
  const fill = { bytes: 10, maxBytes: 100 }
  await eventually(async () => {
    const all = { tasks: 3, ended: 5, tenants: [held] }
    coordinator.send(CHANNELS.holdings, { seq: 1, gateways: 1, log: fill, redis: fill, ...all })
    expect(await bench.client(keys.acme).limits()).toMatchObject({
      tenant: 'acme',
      limits: { tasks: 7, weight: 2 },
      holds: { tasks: 3, ended: 5, logBytes: 900 },
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
  expect(await bench.client(keys.ops).limits()).not.toHaveProperty('budget')
  expect(await bench.client(keys.ops).limits()).toMatchObject({
    limits: { weight: 1 },
    holds: { tasks: 0 },
    stores: { log: fill, redis: fill },
  })
})
