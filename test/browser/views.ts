import { SCOPES } from '@agentfleet/domain'
import type { TaskView } from '@agentfleet/protocol'
import {
  ASKING,
  DECISION,
  eventsOf,
  fleetOf,
  INCIDENT,
  nodeOf,
  seriesOf,
  summaryOf,
  taskOf,
  T0_MS,
} from './seeded.ts'

/** The answers of the stubbed API to the requests of every view. */

const TASK = taskOf(6)
const SUMMARIES = Array.from({ length: 60 }, (_, index) => summaryOf(index))
const SCHEDULE = {
  name: 'report',
  version: 3,
  cron: '0 8 * * 1-5',
  timeZone: 'Europe/Berlin',
  overlap: 'skip',
  paused: false,
  nextAt: '2026-02-02T07:00:00.000Z',
  task: { task: 'Write the report' },
}
const AGENT = (version: number) => ({
  name: 'reviewer',
  version,
  builtIn: false,
  updatedAt: '2026-01-30T09:15:00.000Z',
  definition: { systemPrompt: `You review changes.\nVersion ${version}.`, model: 'gpt-4o-mini' },
})
const DECIDED: TaskView = {
  ...TASK,
  id: SUMMARIES[1]!.id,
  approvals: [
    {
      step: 2,
      approved: false,
      by: 'env-1',
      person: 'Kim',
      note: 'Send the invoice to the accounting department instead.',
      atMs: T0_MS - 3_600_000,
    },
  ],
}
const USAGE = { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.2 }

const SERIES = seriesOf(60)
const AGENT_SERIES = {
  ...SERIES,
  groupBy: 'agent',
  series: SERIES.series.map((one) => ({ ...one, key: 'reviewer' })),
}

/** The answers by path. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/v1/me': {
    keyId: 'env-1',
    tenant: 'acme',
    scopes: SCOPES,
  },
  '/v1/fleet': fleetOf(300),
  '/v1/fleet/nodes/worker-00001': {
    node: nodeOf(1),
    tasks: SUMMARIES.slice(0, 3),
    scanned: 3,
    complete: true,
  },
  '/v1/stats': SERIES,
  '/v1/queues': {
    scope: 'tenant',
    at: '',
    queues: [
      { tenant: 'acme', priority: 'medium', waiting: 3, inFlight: 16, retrying: 1, weight: 1 },
    ],
  },
  '/v1/incidents': { incidents: [INCIDENT] },
  '/v1/incidents/i1': INCIDENT,
  '/v1/decisions': { decisions: [DECISION] },
  '/v1/tasks:count': {
    at: '',
    groupBy: 'state',
    exact: true,
    scanned: 0,
    groups: [
      { key: 'completed', count: 1_204 },
      { key: 'running', count: 28 },
    ],
  },
  '/v1/tasks:cancel': {
    dryRun: true,
    matched: 41,
    cancelled: 0,
    scanned: 41,
    taskIds: [],
    failed: [],
  },
  [`/v1/tasks/${TASK.id}`]: TASK,
  [`/v1/tasks/${DECIDED.id}`]: DECIDED,
  [`/v1/tasks/${TASK.id}/events`]: { events: eventsOf(6) },
  '/v1/goals': { goals: SUMMARIES.slice(0, 4), scanned: 4 },
  '/v1/agents': {
    agents: [{ name: 'reviewer', version: 2, builtIn: false, model: 'gpt-4o-mini' }],
  },
  '/v1/agents/reviewer/versions': { versions: [AGENT(2), AGENT(1)] },
  '/v1/tools': {
    tools: [
      {
        name: 'calculate',
        description: 'Calculates.',
        source: 'built-in',
        approval: false,
        nodes: 2,
      },
    ],
  },
  '/v1/schedules': { schedules: [SCHEDULE] },
  '/v1/schedules/report': SCHEDULE,
  '/v1/schedules/report/ticks': {
    next: [],
    last: [
      { at: '2026-01-30T07:00:00.000Z', skipped: false, taskId: TASK.id, state: 'completed' },
      { at: '2026-01-29T07:00:00.000Z', skipped: true },
    ],
    manual: [{ at: '2026-01-30T09:14:00.000Z', taskId: TASK.id, state: 'completed', by: 'k1' }],
  },
  '/v1/keys': { keys: [] },
  '/v1/audit': {
    events: [
      {
        seq: 1,
        at: '2026-01-31T11:00:00.000Z',
        kind: 'change',
        operation: 'approveStep',
        keyId: 'env-1',
        tenant: 'acme',
        target: DECIDED.id,
        status: 200,
        count: 1,
      },
    ],
  },
  '/v1/schedules:preview': { ticks: ['2026-02-02T07:00:00.000Z', '2026-02-03T07:00:00.000Z'] },
  '/v1/limits': {
    tenant: 'acme',
    at: '',
    limits: {
      weight: 2,
      tasks: 100_000,
      agents: 200,
      schedules: 200,
      streams: 1_000,
      heldRequests: 5_000,
    },
    holds: {
      tasks: 41,
      ended: 1_251,
      logBytes: 2_097_152,
      concurrency: 16,
      agents: 3,
      schedules: 2,
      streams: 1,
      heldRequests: 0,
    },
    spent: { hour: { tokens: 22_880, costUsd: 0.0045 }, day: { tokens: 481_220, costUsd: 0.0972 } },
    budget: {
      usdPerDay: {
        limit: 50,
        used: 0.0972,
        setAside: 0.0031,
        resetsAt: '2026-02-01T00:00:00.000Z',
      },
    },
    providers: [
      {
        provider: 'openai',
        model: 'gpt-4o-mini',
        nodes: 2,
        calls: 842,
        breaker: 'closed',
        closedForMs: 0,
        learned: [],
        keyLimits: { requestsPerMinute: 500, requestsLeft: 4, closedForMs: 0, waiting: 2 },
      },
    ],
  },
  '/v1/usage': {
    from: '2026-01-30',
    to: '2026-01-31',
    total: USAGE,
    days: [
      { day: '2026-01-31', models: [{ provider: 'openai', model: 'gpt-4o-mini', usage: USAGE }] },
    ],
  },
}

/** What the seeded API answers. */
export function answer({ pathname, searchParams }: URL): unknown {
  if (searchParams.get('groupBy') === 'agent') return AGENT_SERIES
  if (pathname !== '/v1/tasks') return ANSWERS[pathname]
  const approvals = searchParams.get('waitingKind') === 'approval'
  const tasks = approvals ? [ASKING] : SUMMARIES
  return { tasks, scanned: tasks.length, keptFrom: '2026-01-24T12:00:00.000Z' }
}

/** Each view, and what it shows when its data are drawn. */
export const VIEWS: Readonly<Record<string, string>> = {
  '/': 'Last actions of the control plane',
  '/tasks': SUMMARIES[0]!.preview,
  [`/tasks/${TASK.id}`]: 'Attempt 1',
  '/fleet': 'worker-00001',
  '/agents/reviewer': 'What changed in',
  '/usage': '2026-01-31',
  '/goals': SUMMARIES[0]!.preview,
  '/approvals': 'Send the invoice to the accounting department instead.',
  '/decisions': 'the queue grows faster',
  '/incidents': 'worker-00007',
  '/agents': 'calculate',
  '/schedules': 'Write the report',
  '/schedules/report': 'Next five ticks',
  '/schedules?form=new': 'Next five ticks',
  '/schedules/report?form=edit': 'What changes',
  '/goals?form=new': 'When the planner has a plan',
  '/tasks?form=new': 'Start after, minutes',
  '/incidents/i1': 'What happened',
  '/fleet/worker-00001': 'Your tasks on it',
}
