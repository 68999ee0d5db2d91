import type { HistoryEvent, TaskCall, TaskSummary, TaskView } from '@agentfleet/protocol'

/** Five seconds after the tasks were submitted. */
export const NOW_MS = Date.parse('2026-01-31T12:00:05.000Z')
const AT_MS = Date.parse('2026-01-31T12:00:00.000Z')

const SUMMARY: TaskSummary = {
  kind: 'task',
  id: '019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90',
  state: 'completed',
  agent: 'developer',
  model: 'sim',
  priority: 'high',
  preview: 'Write a haiku\nabout queues',
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:04.210Z',
  seq: 1_057,
  attempt: 1,
  failures: 0,
  usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
}

/** A completed task and a failed one. */
export const SUMMARIES: readonly TaskSummary[] = [
  { ...SUMMARY, node: 'worker-1' },
  {
    ...SUMMARY,
    id: '019a3c2f-6a00-7b6a-9c3d-000000000001',
    state: 'failed',
    agent: 'tester',
    error: { code: 'provider-refused', message: 'status 401' },
  },
]

/** A completed task with all the figures of its run. */
export const TASK: TaskView = {
  ...SUMMARY,
  cpu: 'low',
  memory: 'low',
  task: 'Write a haiku\nabout queues',
  deadlineAt: '2026-01-31T13:00:00.000Z',
  node: 'worker-1',
  placement: {
    node: 'worker-1',
    reason: 'least loaded of 2',
    by: 'load-balancer-1',
    atMs: AT_MS + 3,
    considered: 2,
  },
  definition: { name: 'developer', version: 0 },
  metadata: { team: 'support' },
  result: 'One waits, one is served',
  usage: { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.00018 },
}

/** The history of a task whose first attempt failed. */
export const EVENTS: readonly HistoryEvent[] = [
  { seq: 1, type: 'submitted', atMs: AT_MS },
  {
    seq: 2,
    type: 'attempt-failed',
    atMs: AT_MS + 840,
    attempt: 1,
    node: 'worker-2',
    error: { code: 'node-lost', message: 'worker-2 was declared dead' },
    retryAtMs: AT_MS + 900,
  },
  { seq: 3, type: 'attempt-started', atMs: AT_MS + 905, attempt: 2, node: 'worker-1' },
  {
    seq: 4,
    type: 'call-finished',
    atMs: AT_MS + 2_000,
    attempt: 2,
    call: {
      step: 0,
      kind: 'llm',
      name: 'sim',
      output: { content: 'One waits' },
      usage: { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.00018 },
    },
  },
  {
    seq: 5,
    type: 'completed',
    atMs: AT_MS + 2_010,
    attempt: 2,
    node: 'worker-1',
    result: 'One waits',
    usage: { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.00018 },
  },
]

/** The last call of a task with one tool call. */
export const LLM_CALL: TaskCall = {
  taskId: SUMMARY.id,
  step: 2,
  kind: 'llm',
  name: 'sim',
  seq: 1_057,
  attempt: 1,
  node: 'worker-1',
  endedAtMs: AT_MS + 2_000,
  usage: { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.00018 },
  by: { provider: 'simulator', model: 'sim' },
  times: { startedAtMs: AT_MS + 1_000, firstTokenMs: 400 },
  messages: [
    { role: 'system', content: { text: 'You are the agent "developer".', bytes: 30 } },
    { role: 'user', content: { text: 'Write a haiku\nabout queues', bytes: 26 } },
    {
      role: 'assistant',
      step: 0,
      content: { text: '', bytes: 0 },
      toolCalls: [{ step: 1, name: 'count', arguments: { text: '{"of":"syllables"}', bytes: 18 } }],
    },
    { role: 'tool', step: 1, content: { text: '17', bytes: 2 } },
    { role: 'user', step: 1 },
  ],
  output: { text: 'One waits, one is served', bytes: 24 },
}
