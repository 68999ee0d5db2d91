import { SPEC_LIMITS } from '@agentfleet/domain'
import { startTestServers, type TestServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectUsageTotals, type UsageEntry, type UsageTotals } from '../../src/index.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const DAY = '2026-01-02'
let servers: TestServers<'redis'>
let totals: UsageTotals

beforeAll(async () => {
  servers = await startTestServers(['redis'])
  totals = await connectUsageTotals({ url: servers.redis.url, log })
})
afterAll(async () => {
  await totals.close()
  await servers[Symbol.asyncDispose]()
})

const entry = (tenant: string, costUsd: number): UsageEntry => ({
  tenant,
  atMs: Date.parse(`${DAY}T03:04:05Z`),
  model: 'm',
  provider: 'p',
  agent: 'a',
  usage: { inputTokens: 1, outputTokens: 1, llmCalls: 1, costUsd },
})

test('usage is counted for all tenants, even if one tenant has more cost than Redis can count', async () => {
  const most = Array.from({ length: 500 }, () => entry('false', SPEC_LIMITS.budgetUsdMax))
  // Each batch adds 5e17 billionths of a dollar; Redis counts up to 9.2e18.
  const batches = 25
  for (let at = 0; at < batches; at += 1) {
    expect(await totals.add(at, at + 1, [...most, entry('honest', 1)])).toBe(at + 1)
  }
  const [honest] = await totals.read('honest', [DAY])
  expect(honest?.models[0]?.usage).toMatchObject({ llmCalls: batches, costUsd: batches })
  const [counted] = await totals.read('false', [DAY])
  expect(counted?.models[0]?.usage.llmCalls).toBe(500 * batches)
  expect(counted?.models[0]?.usage.costUsd).toBeGreaterThanOrEqual(9e9)
})

test('usage counts the calls without a price apart, and a model that costs nothing is not taken for one without a price', async () => {
  const from = await totals.position()
  const call = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
  const of = (model: string, usage: UsageEntry['usage']) => ({ ...entry('mixed', 0), model, usage })
  const paid = { ...call, costUsd: 0.5 }
  const free = { ...call, costUsd: 0 }
  await totals.add(from, from + 1, [of('none', call), of('free', free), of('paid', paid)])
  const [day] = await totals.read('mixed', [DAY])
  expect(day?.models.map(({ usage }) => usage)).toEqual([free, call, paid])
  const sum = { inputTokens: 3, outputTokens: 3, llmCalls: 3, costUsd: 0.5, unpricedCalls: 1 }
  expect(day?.agents).toEqual([{ agent: 'a', usage: sum }])
  expect(day?.hours).toEqual([{ hour: 3, tokens: 6, costUsd: 0.5, unpricedCalls: 1 }])
})

test('usage counts by tenant and by at most 1,000 values of a metadata key a day, and the entry without a name has the rest', async () => {
  const values = [
    ...Array.from({ length: 1_003 }, (_, at) => `v${at}`),
    '(others)',
    'a line\nbreak|in',
    '\ud800',
    undefined,
  ]
  const from = await totals.position()
  const told = values.map((value) => ({ ...entry('acme', 0.5), values: [{ key: 'team', value }] }))
  const special = told.slice(1_003)
  // What comes first gets a row.
  await totals.add(from, from + 1, special)
  await totals.add(from + 1, from + 2, told)
  const [teams] = await totals.readGroups({ by: 'metadata', tenant: 'acme', key: 'team' }, [DAY])
  const calls = new Map(teams?.groups.map(({ name, usage }) => [name, usage.llmCalls]))
  for (const value of special.flatMap((each) => each.values[0]?.value ?? [])) {
    expect(calls.get(value)).toBe(2)
  }
  // 1,000 names and the rest: six values too many, and two calls whose value is too long.
  expect(calls.size).toBe(1_001)
  expect(calls.get(undefined)).toBe(8)
  const sum = [...calls.values()].reduce((all, one) => all + one, 0)
  expect(sum).toBe(special.length + told.length)

  const [tenants] = await totals.readGroups({ by: 'tenant' }, [DAY])
  expect(tenants?.groups).toContainEqual({
    name: 'acme',
    usage: { inputTokens: sum, outputTokens: sum, llmCalls: sum, costUsd: sum / 2 },
  })
  expect(await totals.readGroups({ by: 'metadata', tenant: 'false', key: 'team' }, [DAY])).toEqual([
    { day: DAY, groups: [] },
  ])
})

test('usage has at most 1,000 models a day, and the sum of the further models of the tenant as (others), so that a tenant that invents names fills no memory (L7)', async () => {
  const from = await totals.position()
  const of = (at: number): UsageEntry => ({ ...entry('inventor', 0.5), model: `m${at}` })
  const all = Array.from({ length: 2_500 }, (_, at) => of(at))
  await totals.add(from, from + 1, all)
  // Known models still count as themselves, and quiet tenants have all of their models.
  await totals.add(from + 1, from + 2, [of(0), of(2_400), entry('quiet', 0.5)])
  const [day] = await totals.read('inventor', [DAY])
  const models = day?.models ?? []
  expect(models).toHaveLength(1_001)
  const others = models.filter(({ provider }) => provider === '(others)')
  expect(others.map(({ model }) => model)).toEqual(['(others)'])
  const calls = models.reduce((sum, { usage }) => sum + usage.llmCalls, 0)
  const cost = models.reduce((sum, { usage }) => sum + (usage.costUsd ?? 0), 0)
  expect([calls, cost]).toEqual([2_502, 2_502 / 2])
  expect(day?.agents[0]?.usage.llmCalls).toBe(2_502)
  const [quiet] = await totals.read('quiet', [DAY])
  expect(quiet?.models.map(({ model }) => model)).toEqual(['m'])
})

test('every model and agent of a quiet tenant has its own total in the usage of the fleet, no matter how many names a busy tenant invents before (L7)', async () => {
  const day = '2026-01-03'
  const from = await totals.position()
  const of = (tenant: string, at: number): UsageEntry => ({
    ...entry(tenant, 0.5),
    atMs: Date.parse(`${day}T03:04:05Z`),
    model: `of-${tenant}-${at}`,
    agent: `of-${tenant}-${at}`,
  })
  const busy = Array.from({ length: 1_200 }, (_, at) => of('busy', at))
  const quiet = Array.from({ length: 100 }, (_, at) => of('quiet', at))
  await totals.add(from, from + 1, busy, 2)
  await totals.add(from + 1, from + 2, [...busy, ...quiet], 2)
  const [fleet] = await totals.read(undefined, [day])
  const models = fleet?.models.map(({ model }) => model) ?? []
  const agents = fleet?.agents.map(({ agent }) => agent) ?? []
  for (const names of [models, agents]) {
    const count = (tenant: string) =>
      names.filter((name) => name.startsWith(`of-${tenant}-`)).length
    expect([count('busy'), count('quiet')]).toEqual([500, 100])
    expect(names).toHaveLength(601)
  }
  const calls = fleet?.models.reduce((sum, { usage }) => sum + usage.llmCalls, 0)
  expect(calls).toBe(2 * busy.length + quiet.length)
  // The totals of a tenant are its own: it shares them with none.
  const [own] = await totals.read('busy', [day])
  expect(own?.models).toHaveLength(1_001)
})
