import { connectUsageTotals } from '@agentfleet/adapters'
import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

test('GET /v1/usage groups by counted metadata keys for the own tenant and by tenant for operators and admin keys, up to 1,000 groups and the sum of the others, and refuses other groups', async () => {
  const acmeKey = 'acme-key-of-16-chars'
  const manyKey = 'many-key-of-16-chars'
  const adminKey = 'admin-key-of-at-least-32-characters'
  await using bench = await setup({
    API_KEYS: `acme:${acmeKey},many:${manyKey}`,
    ADMIN_KEY: adminKey,
    USAGE_METADATA_KEYS: 'team',
  })
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  const totals = await connectUsageTotals({ url: bench.servers.redis.url, log })
  bench.servers.closing(totals)
  const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1, costUsd: 0.5 }
  const call = { atMs: Date.now(), model: 'm', provider: 'p', agent: 'a', usage }
  await totals.add(0, 1, [
    { ...call, tenant: 'acme', values: [{ key: 'team', value: 'search' }] },
    { ...call, tenant: 'acme', values: [{ key: 'team', value: undefined }] },
    { ...call, tenant: 'other', values: [{ key: 'team', value: 'secret' }] },
    // Two more than a day counts by name.
    ...Array.from({ length: 1_002 }, (_, index) => ({
      ...call,
      tenant: 'many',
      values: [{ key: 'team', value: `team-${index}` }],
    })),
  ])
  const [acme, admin] = [bench.client(acmeKey), bench.client(adminKey)]
  const byTeam = await acme.usage({ groupBy: 'metadata.team' })
  expect(byTeam).toMatchObject({ metadataKeys: ['team'], total: { llmCalls: 2 } })
  expect(byTeam.days[0]?.values).toEqual([{ value: 'search', usage }, { usage }])
  const byTenant = await admin.usage({ groupBy: 'tenant', scope: 'fleet' })
  expect(byTenant.days[0]?.tenants).toMatchObject([
    { tenant: 'acme', usage: { llmCalls: 2 } },
    { tenant: 'many', usage: { llmCalls: 1_002 } },
    { tenant: 'other', usage: { llmCalls: 1 } },
  ])
  const many = await bench.client(manyKey).usage({ groupBy: 'metadata.team' })
  const values = many.days[0]?.values ?? []
  expect(values).toHaveLength(1_001)
  expect(values.filter(({ value }) => value === undefined)).toMatchObject([
    { usage: { llmCalls: 2 } },
  ])
  expect(values.reduce((sum, one) => sum + one.usage.llmCalls, 0)).toBe(1_002)
  const top = await bench.client(manyKey).usage({ groupBy: 'metadata.team', top: 2 })
  expect(top.days[0]).not.toHaveProperty('values')
  expect(top).toMatchObject({ groupCount: 1_000, others: { llmCalls: 1_000 } })
  expect(top.groups?.map((group) => group.usage.llmCalls)).toEqual([1, 1])
  const topTenants = await admin.usage({ groupBy: 'tenant', scope: 'fleet', top: 1 })
  expect(topTenants).toMatchObject({
    groups: [{ name: 'many', usage: { llmCalls: 1_002 } }],
    others: { llmCalls: 3 },
  })
  const topAgents = await acme.usage({ groupBy: 'agent', top: 1 })
  expect(topAgents).toMatchObject({
    groups: [{ name: 'a' }],
    groupCount: 1,
    others: { llmCalls: 0 },
  })
  await expect(acme.usage({ groupBy: 'tenant', scope: 'fleet' })).rejects.toMatchObject({
    problem: { code: 'operators-only' },
  })
  const refusals = [
    [{ groupBy: 'tenant' }, 'query/groupBy needs scope=fleet'],
    [{ groupBy: 'metadata.team', scope: 'fleet' }, 'query/scope must be absent'],
    [{ groupBy: 'metadata.size' }, 'must be metadata.team, or the operator adds the key'],
    [{ groupBy: 'metadata.a b' }, 'query/groupBy'],
    [{ groupBy: 'hour', top: 3 }, 'query/top needs groupBy with agent, tenant or metadata.KEY'],
    [{ groupBy: 'agent', top: 1_001 }, 'query/top'],
  ] as const
  for (const [query, detail] of refusals) {
    await expect(admin.usage(query)).rejects.toMatchObject({
      problem: { code: 'invalid-request', detail: expect.stringContaining(detail) },
    })
  }
})
