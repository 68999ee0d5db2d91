import { connectUsageTotals } from '@agentfleet/adapters'
import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

test('GET /v1/usage groups by counted metadata keys for the own tenant and by tenant for operators and admin keys, and refuses other groups', async () => {
  const acmeKey = 'acme-key-of-16-chars'
  const adminKey = 'admin-key-of-at-least-32-characters'
  await using bench = await setup({
    API_KEYS: `acme:${acmeKey}`,
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
  ])
  const [acme, admin] = [bench.client(acmeKey), bench.client(adminKey)]
  const byTeam = await acme.usage({ groupBy: 'metadata.team' })
  expect(byTeam).toMatchObject({ metadataKeys: ['team'], total: { llmCalls: 2 } })
  expect(byTeam.days[0]?.values).toEqual([{ value: 'search', usage }, { usage }])
  const byTenant = await admin.usage({ groupBy: 'tenant', scope: 'fleet' })
  expect(byTenant.days[0]?.tenants).toMatchObject([
    { tenant: 'acme', usage: { llmCalls: 2 } },
    { tenant: 'other', usage: { llmCalls: 1 } },
  ])
  await expect(acme.usage({ groupBy: 'tenant', scope: 'fleet' })).rejects.toMatchObject({
    problem: { code: 'operators-only' },
  })
  const refusals = [
    [{ groupBy: 'tenant' }, 'query/groupBy needs scope=fleet'],
    [{ groupBy: 'metadata.team', scope: 'fleet' }, 'query/scope must be absent'],
    [{ groupBy: 'metadata.size' }, 'must be metadata.team, or the operator adds the key'],
    [{ groupBy: 'metadata.a b' }, 'query/groupBy'],
  ] as const
  for (const [query, detail] of refusals) {
    await expect(admin.usage(query)).rejects.toMatchObject({
      problem: { code: 'invalid-request', detail: expect.stringContaining(detail) },
    })
  }
})
