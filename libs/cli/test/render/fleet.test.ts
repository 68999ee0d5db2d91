import type { DecisionView, IncidentView, TaskCounts, UsageReport } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { fleetPage, providerLimitsTables } from '../../src/render/fleet-views.ts'
import { uncoloured } from '../../src/render/paint.ts'
import {
  decisionDetails,
  decisionTable,
  incidentDetails,
  incidentTable,
} from '../../src/render/record-views.ts'
import { countTable } from '../../src/render/task-views.ts'
import { usageTable } from '../../src/render/figure-views.ts'
import { fleetWith, NODE, pausedProvider } from './fleet-view.ts'
import { NOW_MS } from './tasks.ts'

const LOOK = { paint: uncoloured, columns: undefined }

test('the page of the fleet prints the cost of today as unpriced if no called model has a price, and as nothing if no model was called', () => {
  const cost = (parts: Parameters<typeof fleetWith>[0]) =>
    /^cost today +(.*)$/m.exec(fleetPage(fleetWith(parts), LOOK, NOW_MS))?.[1]
  expect(cost({ llmCallsToday: 3 })).toBe('unpriced')
  expect(cost({ llmCallsToday: 0 })).toBe('$0')
  expect(cost({ llmCallsToday: 3, costTodayUsd: 0.25 })).toBe('$0.25')
  expect(cost({ llmCallsToday: 3, costTodayUsd: 0.25, unpricedCallsToday: 1 })).toBe('≥ $0.25')
  expect(cost({})).toBeUndefined()
})

test('the printed page with the state of the fleet matches the snapshot in this test', () => {
  const fleet = fleetWith({
    status: 'degraded',
    explanation:
      'Work flows, but 1 node is not alive: 1 of 2 nodes take tasks; 484 slots are free.',
    nodes: [NODE, { ...NODE, id: 'worker-2', state: 'dead' }],
    queued: 3,
    running: 28,
    oldestWaitingMs: 840,
    costTodayUsd: 1.5,
    llmCallsToday: 120,
    balancers: [{ id: 'load-balancer-1', room: false, heardAgoMs: 10 }],
    providers: [
      pausedProvider({
        lastError: { kind: 'status 429', agoMs: 1_200 },
        firstTokenMs: 350,
        keyLimits: { requestsPerMinute: 500, requestsLeft: 4, closedForMs: 1_500, waiting: 2 },
      }),
    ],
  })
  expect(`\n${fleetPage(fleet, LOOK, NOW_MS)}\n`).toMatchInlineSnapshot(`
    "
    status      degraded: Work flows, but 1 node is not alive: 1 of 2 nodes take tasks; 484 slots are free.
    nodes       1 alive, 1 dead
    running     28 of 512 slots
    queued      3; the oldest has waited for 840 ms
    cost today  $1.50
    balancers   load-balancer-1 (full)

    NODE      STATE    RUNNING   CPU  MEMORY   LAG  ATTEMPT   DONE  FAILED   UP
    worker-2  dead   28 of 512  41 %  273 MB  5 ms    1.3 s  1,778       2  2 m
    worker-1  alive  28 of 512  41 %  273 MB  5 ms    1.3 s  1,778       2  2 m

    PROVIDER  MODEL  BREAKER  CALLS  FIRST TOKEN  TOKENS/S  LAST ERROR
    openai    gpt    open        12       350 ms         —  status 429, 1.2 s ago

    PROVIDER  REQUESTS/MIN  LEFT NOW  TOKENS/MIN  LEFT NOW  PAUSED FOR  WAITING
    openai             500         4           —         —       1.5 s        2
    "
  `)
})

test('a narrow terminal keeps the model of each provider, because the providers of a fleet are told apart by it', () => {
  const fleet = fleetWith({
    providers: [pausedProvider({ lastError: { kind: 'status 500', agoMs: 9_000 } })],
  })
  for (const columns of [60, 40, 30]) {
    const text = fleetPage(fleet, { ...LOOK, columns }, NOW_MS)
    expect(text).toMatch(/\bgpt\b/)
    expect(text).toMatch(/\bopen\b/)
  }
})

test('the limits name the key of each provider with what it still admits, and each model that nodes do not call', () => {
  const keyLimits = { requestsPerMinute: 500, requestsLeft: 4, closedForMs: 0, waiting: 2 }
  const paused = pausedProvider({ breaker: 'open', keyLimits })
  expect(`\n${providerLimitsTables([paused], LOOK).join('\n\n')}\n`).toMatchInlineSnapshot(`
    "
    PROVIDER  REQUESTS/MIN  LEFT NOW  TOKENS/MIN  LEFT NOW  PAUSED FOR  WAITING
    openai             500         4           —         —           —        2

    PROVIDER  MODEL  BREAKER
    openai    gpt    open
    "
  `)
  expect(providerLimitsTables([], LOOK)).toEqual([])
})

test('the printed tables of usage, counts, decisions and incidents match the snapshots in this test', () => {
  const usage = { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.00018 }
  const models = [{ model: 'gpt', provider: 'openai', usage }]
  const day = { day: '2026-01-31', total: usage, models }
  const report: UsageReport = {
    scope: 'tenant',
    from: '2026-01-02',
    to: '2026-01-31',
    metadataKeys: [],
    days: [day],
    total: usage,
  }
  expect(`\n${usageTable(report, LOOK)}\n`).toMatchInlineSnapshot(`
    "
    DAY (UTC)   MODEL                     LLM CALLS  TOKENS IN  TOKENS OUT     COST
    2026-01-31  openai/gpt                        1        812          96  $0.0002
    total       2026-01-02 to 2026-01-31          1        812          96  $0.0002
    "
  `)
  const hours = [{ hour: 9, tokens: 908, costUsd: 0.00018, unpricedCalls: 0 }]
  const detailed = {
    ...report,
    days: [{ ...day, hours }],
    groups: [{ name: 'reviewer', usage }],
  }
  expect(`\n${usageTable(detailed, LOOK, 'agent')}\n`).toMatchInlineSnapshot(`
    "
    AGENT                            LLM CALLS  TOKENS IN  TOKENS OUT     COST
    reviewer                                 1        812          96  $0.0002
    total, 2026-01-02 to 2026-01-31          1        812          96  $0.0002
    "
  `)
  expect(`\n${usageTable(detailed, LOOK, 'hour')}\n`).toMatchInlineSnapshot(`
    "
    HOUR (UTC)        TOKENS     COST
    2026-01-31 09:00     908  $0.0002
    total                908  $0.0002
    "
  `)
  expect(usageTable(report, LOOK, 'agent')).toContain(
    'An earlier release counted 1 call without their agents.',
  )
  const narrow = usageTable(report, { ...LOOK, columns: 50 })
  expect(narrow.replaceAll(/ {2,}/g, ' ').split('\n')[1]).toBe('2026-01-31 openai/gpt $0.0002')
  const grouped = {
    ...report,
    groups: [{ name: 'search', usage }],
    total: { ...usage, llmCalls: 3 },
  }
  expect(`\n${usageTable(grouped, LOOK, 'metadata.project')}\n`).toMatchInlineSnapshot(`
    "
    project                          LLM CALLS  TOKENS IN  TOKENS OUT     COST
    search                                   1        812          96  $0.0002
    total, 2026-01-02 to 2026-01-31          3        812          96  $0.0002
    2 calls of tasks without a counted value of project, or from before the key was counted.
    "
  `)
  expect(usageTable(grouped, LOOK, 'tenant')).toContain(
    'An earlier release counted 2 calls without their tenants.',
  )
  const most = { ...grouped, groupCount: 4, others: { ...usage, llmCalls: 2 } }
  expect(`\n${usageTable(most, LOOK, 'agent')}\n`).toMatchInlineSnapshot(`
    "
    AGENT                            LLM CALLS  TOKENS IN  TOKENS OUT     COST
    search                                   1        812          96  $0.0002
    (others)                                 2        812          96  $0.0002
    total, 2026-01-02 to 2026-01-31          3        812          96  $0.0002
    1 of 4 are listed; (others) includes the rest. Add --limit to see more.
    "
  `)
  const counts = {
    at: '2026-01-31T12:00:05.000Z',
    groupBy: 'state',
    exact: false,
    scanned: 5_000,
    groups: [
      { key: 'completed', count: 1_204 },
      { key: 'failed', count: 6 },
    ],
  } as TaskCounts
  expect(`\n${countTable(counts, LOOK)}\n`).toMatchInlineSnapshot(`
    "
    STATE      TASKS
    completed  1,204
    failed         6
    The counts are not exact: they cover only 5,000 tasks.
    "
  `)
  expect(countTable({ ...counts, unsplit: 3_000 }, LOOK)).toContain(
    'Up to 3,000 of the queued tasks may already run. All other counts and the sum are exact.',
  )
  expect(countTable({ ...counts, groupBy: 'agent', unsplit: 3_000 }, LOOK)).toContain(
    'The counts are not exact: the gateway did not look up whether 3,000 queued tasks already run.',
  )
  const decision: DecisionView = {
    id: 'd-1',
    service: 'autoscaler',
    by: 'autoscaler-1',
    kind: 'add',
    reason: 'tasks wait for 2 s',
    atMs: NOW_MS - 12_000,
    inputs: {},
    options: [],
    policy: { kind: 'add', reason: '', figures: {} },
    acted: true,
    outcomes: [],
  }
  expect(`\n${decisionTable([decision], LOOK, NOW_MS)}\n`).toMatchInlineSnapshot(`
    "
    ID    AGE  SERVICE     KIND  ABOUT  ACTED  REASON
    d-1  12 s  autoscaler  add   —      yes    tasks wait for 2 s
    "
  `)
  const incident: IncidentView = {
    id: 'worker-2-1',
    nodeId: 'worker-2',
    incarnation: 1,
    reason: 'no heartbeat for 1.4 s',
    state: 'closed',
    by: 'recovery-1',
    silentMs: 1_400,
    detectedAtMs: NOW_MS - 9_000,
    openedAtMs: NOW_MS - 8_990,
    redistributedAtMs: NOW_MS - 8_700,
    tasks: 211,
    redistributed: 211,
    action: {
      kind: 'replace',
      reason: 'the node is dead',
      driver: 'local',
      startedAtMs: NOW_MS - 8_900,
      outcome: 'done',
    },
    outcome: { kind: 'recovered', reason: 'a new node runs', atMs: NOW_MS, figures: {} },
  }
  expect(`\n${incidentTable([incident], LOOK, NOW_MS)}\n`).toMatchInlineSnapshot(`
    "
    ID          AGE  NODE      STATE   SILENT  TASKS  MOVED  ACTION   OUTCOME
    worker-2-1  8 s  worker-2  closed   1.4 s    211    211  replace  recovered
    "
  `)
  expect(`\n${incidentDetails(incident, LOOK)}\n`).toMatchInlineSnapshot(`
    "
    id        worker-2-1
    state     closed
    node      worker-2, start 1
    silent    1.4 s
    detected  2026-01-31 11:59:56 UTC: no heartbeat for 1.4 s
    moved     211 of 211 tasks, 300 ms after the detection
    action    replace, done: the node is dead
    outcome   recovered: a new node runs
    "
  `)
})

test('a decision shows the time of an earlier action as a time, and what was measured after it as figures', () => {
  const decision: DecisionView = {
    id: 'd1',
    atMs: NOW_MS,
    service: 'autoscaler',
    by: 'autoscaler-1',
    kind: 'scale-out',
    reason: 'queue',
    acted: true,
    policy: { kind: 'scale-out', reason: 'queue', figures: {} },
    inputs: { queued: 94, scaledOutAtMs: NOW_MS },
    options: [],
    outcomes: [{ afterMinutes: 1, atMs: NOW_MS + 60_000, figures: { nodes: 4 } }],
  }
  const text = decisionDetails(decision, LOOK)
  expect(text).toContain('queued 94, scaledOutAtMs 2026-01-31 12:00:05 UTC')
  expect(text).toMatch(/AFTER +MEASURED\n1 minute +nodes 4/)
})
