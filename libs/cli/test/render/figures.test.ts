import type { QueueList, TaskSeries, TenantLimitsView, UsageReport } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { limitsTable, queueTable, statsTable, usageTable } from '../../src/render/figure-views.ts'
import { uncoloured } from '../../src/render/paint.ts'
import { NOW_MS } from './tasks.ts'

const LOOK = { paint: uncoloured, columns: undefined }
const POINT = {
  at: '2026-01-31T12:04:10.000Z',
  submitted: 12,
  started: 12,
  completed: 9,
  failed: 1,
  cancelled: 0,
  retried: 2,
  lost: 0,
  llmCalls: 25,
  inputTokens: 20_480,
  outputTokens: 2_400,
  costUsd: 0.0045,
  unpricedCalls: 0,
  waitMs: { count: 12, p50: 4, p99: 27 },
}
const STATS: TaskSeries = {
  scope: 'tenant',
  step: '10s',
  from: '2026-01-31T12:00:00.000Z',
  to: '2026-01-31T12:10:00.000Z',
  knownFrom: '2026-01-31T12:00:00.000Z',
  series: [{ points: [POINT] }],
}

test('the command line prints the statistics for each interval of time, or their sums for each group', () => {
  expect(`\n${statsTable(STATS, LOOK)}\n`).toMatchInlineSnapshot(`
    "
    STEP                     SUBMITTED  STARTED  COMPLETED  FAILED  CANCELLED  RETRIED  LOST  WAIT P50    P99  FIRST TOKEN P50  P99  TOKENS     COST
    2026-01-31 12:04:10 UTC         12       12          9       1          0        2     0      4 ms  27 ms                —    —  22,880  $0.0045
    "
  `)
  const series = [{ key: 'developer', points: [POINT, { ...POINT, failed: 3 }] }]
  const grouped = statsTable({ ...STATS, groupBy: 'agent', series }, LOOK)
  expect(`\n${grouped}\n`).toMatchInlineSnapshot(`
    "
    AGENT      SUBMITTED  STARTED  COMPLETED  FAILED  CANCELLED  RETRIED  LOST  SUCCESS  TOKENS     COST
    developer         24       24         18       4          0        4     0     82 %  45,760  $0.0090
    "
  `)
  const unpriced = { ...STATS, series: [{ points: [{ ...POINT, costUsd: 0 }] }] }
  expect(statsTable(unpriced, LOOK)).toMatch(/\$0\nThe cost includes only calls .* a price\.$/)
  expect(statsTable({ ...STATS, series: [] }, LOOK)).toBe(
    'Nothing happened from 2026-01-31 12:00:00 UTC to 2026-01-31 12:10:00 UTC.',
  )
})

test('the usage by a label prints a row for each of 1,000 values and one for the other values, and the rows add up to the sum', () => {
  const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1, costUsd: 0.5 }
  const groups = Array.from({ length: 1_000 }, (_, index) => ({
    name: index === 0 ? '(others)' : `value-${index}`,
    usage,
  }))
  const total = { inputTokens: 1_005, outputTokens: 1_005, llmCalls: 1_005, costUsd: 502.5 }
  const others = { inputTokens: 5, outputTokens: 5, llmCalls: 5, costUsd: 2.5 }
  const range = { from: '2026-01-31', to: '2026-01-31' }
  const all = { metadataKeys: ['k'], days: [], groups, groupCount: 1_000, others, total }
  const report: UsageReport = { scope: 'tenant', ...range, ...all }
  const lines = usageTable(report, LOOK, 'metadata.k').split('\n')
  expect(lines).toHaveLength(1_003)
  expect(lines.at(-2)).toMatch(/^\(others\) +5 /)
  expect(lines.filter((line) => /^\(others\) +1 /.test(line))).toHaveLength(1)
  expect(lines.at(-1)).toMatch(/^total, 2026-01-31 to 2026-01-31 +1,005 /)
  const { costUsd: _cost, ...unpriced } = total
  const free = usageTable({ ...report, total: unpriced }, LOOK, 'metadata.k')
  expect(free).toMatch(/unpriced\nThe fleet knows no price .* LLM_PRICES or PROVIDERS\.$/)
})

test('the command line prints the queues, and shows their tenants only if the figures are those of the whole fleet', () => {
  const queue = {
    tenant: 'acme',
    priority: 'medium',
    waiting: 3,
    inFlight: 16,
    retrying: 1,
    weight: 1,
    oldestQueuedAt: '2026-01-31T12:00:01.000Z',
  } as const
  const list: QueueList = { scope: 'tenant', at: '2026-01-31T12:00:05.000Z', queues: [queue] }
  expect(`\n${queueTable(list, LOOK, NOW_MS)}\n`).toMatchInlineSnapshot(`
    "
    PRIORITY  WAITING  OLDEST  IN FLIGHT  AT MOST  RETRYING  WEIGHT
    medium          3     4 s         16        —         1       1
    "
  `)
  expect(queueTable({ ...list, scope: 'fleet' }, LOOK, NOW_MS)).toMatch(/^TENANT +PRIORITY/)
  expect(queueTable({ ...list, queues: [] }, LOOK, NOW_MS)).toBe('All queues are empty.')
})

test('the command line prints each limit with the share that is used', () => {
  const view: TenantLimitsView = {
    tenant: 'acme',
    at: '2026-01-31T12:00:05.000Z',
    limits: { weight: 2, tasks: 100_000, agents: 200 },
    holds: { tasks: 41, ended: 1_251, logBytes: 2_097_152, concurrency: 16, agents: 3 },
    spent: {
      hour: { tokens: 22_880, costUsd: 0.0045, unpricedCalls: 0 },
      day: { tokens: 481_220, costUsd: 0.1, unpricedCalls: 0 },
    },
    budget: {
      tokensPerHour: { limit: 0, resetsAt: '2026-01-31T13:00:00.000Z' },
      usdPerDay: { limit: 50, used: 0.1, setAside: 0.02, resetsAt: '2026-02-01T00:00:00.000Z' },
    },
    stores: { log: { bytes: 4_000_000, maxBytes: 8_000_000 }, redis: { bytes: 1, maxBytes: 0 } },
  }
  expect(`\n${limitsTable(view, LOOK)}\n`).toMatchInlineSnapshot(`
    "
    LIMIT                                       YOU HOLD   AT MOST
    tasks that have not ended                         41   100,000
    running tasks                                     16  no limit
    bytes in the log                             2.10 MB    shared
    agents                                             3       200
    schedules                                          —    shared
    connections to one gateway                         —    shared
    held requests of one gateway                       —    shared
    ended tasks that are kept                      1,251         —
    spent this hour (UTC)         22,880 tokens, $0.0045         —
    spent today (UTC)              481,220 tokens, $0.10         —
    log of the fleet                             4.00 MB   8.00 MB
    Redis of the fleet                               1 B         —
    "shared" means that the operator set no limit: you may hold half of what other tenants leave free.

    BUDGET                USED  SET ASIDE  AT MOST  STARTS AGAIN
    tokens of this hour      —          —        0  2026-01-31 13:00:00 UTC
    cost of today        $0.10      $0.02   $50.00  2026-02-01 00:00:00 UTC
    "
  `)
})
