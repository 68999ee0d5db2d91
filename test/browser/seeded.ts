import { TASK_STATES } from '@agentfleet/domain'
import { nodeColumns } from '../../libs/console/page/fleet/nodes.ts'
import type {
  DecisionView,
  FleetView,
  HistoryEvent,
  IncidentView,
  NodeView,
  TaskSeries,
  TaskSummary,
  TaskView,
} from '@agentfleet/protocol'

/** Data of the stubbed API: made by numbers, so that two runs draw the same pictures. */

/** The time of the stubbed fleet. */
export const T0_MS = Date.UTC(2026, 0, 31, 12)
const iso = (ms: number) => new Date(T0_MS + ms).toISOString()
/** A number from 0 to 999 that looks random and never changes. */
const mixed = (index: number) => (index * 7_919 + 104_729) % 1_000
const PREVIEWS = [
  'Summarise the support tickets of last week in five sentences',
  'Compare the offers of three suppliers and name the cheapest',
  'Write release notes from the merged changes',
  'Translate the terms of use into French',
]

/** A node whose figures depend on its number and on how often it was asked. */
export function nodeOf(index: number, turn = 0): NodeView {
  const load = mixed(index + turn * 13)
  return {
    id: `worker-${String(index).padStart(5, '0')}`,
    state: index % 97 === 5 ? 'suspect' : index % 193 === 7 ? 'dead' : 'alive',
    incarnation: 1,
    slots: 16,
    active: Math.floor(load / 60),
    queued: load > 900 ? 3 : 0,
    cpu: load / 1_000,
    memory: mixed(index + 3) / 1_000,
    memoryBytes: 160_000_000 + index,
    lagMs: load / 20,
    responseMs: 2_100,
    completed: 840 + index,
    failed: index % 7,
    draining: index % 151 === 11,
    startedAt: iso(-3_600_000),
    heartbeatAgeMs: 210,
  }
}

/** A fleet of this many nodes. */
export function fleetOf(nodes: number, turn = 0): FleetView {
  const list = Array.from({ length: nodes }, (_, index) => nodeOf(index, turn))
  const running = list.reduce((sum, { active }) => sum + active, 0)
  const totals = {
    atMs: T0_MS,
    running,
    queued: 12,
    slots: nodes * 16,
    nodes,
    completed: 100_000,
    failed: 120,
  }
  return {
    status: 'ok',
    explanation: `${nodes} nodes take tasks.`,
    observedAt: iso(-300),
    monitor: 'health-monitor-1',
    queued: 12,
    running,
    oldestWaitingMs: 840,
    costTodayUsd: 12.5,
    llmCallsToday: 9_120,
    nodes: [],
    nodeColumns: nodeColumns(list),
    balancers: [{ id: 'load-balancer-1', room: true, heardAgoMs: 120 }],
    providers: [],
    totals: totals as unknown as NonNullable<FleetView['totals']>,
    history: Array.from({ length: 60 }, (_, index) => ({
      ...totals,
      atMs: T0_MS - (60 - index) * 60_000,
      running: 20 + (mixed(index) % 40),
      queued: mixed(index + 5) % 30,
      completed: index * 900 + mixed(index),
      failed: index * 3,
    })) as unknown as FleetView['history'],
  }
}

/** A task of a list; a smaller number is newer. */
export function summaryOf(index: number, turn = 0): TaskSummary {
  const state = TASK_STATES[(mixed(index) + (index < 100 ? turn : 0)) % TASK_STATES.length]!
  const ended = state === 'completed' || state === 'failed' || state === 'cancelled'
  const createdMs = -index * 1_000
  return {
    id: `019a3c2f-5f1e-7b6a-9c3d-${String(999_999_999_999 - index).padStart(12, '0')}`,
    state,
    kind: 'task',
    agent: ['reviewer', 'writer', 'developer'][index % 3]!,
    model: 'gpt-4o-mini',
    priority: 'medium',
    preview: `${PREVIEWS[index % PREVIEWS.length]} (${index})`,
    createdAt: iso(createdMs),
    updatedAt: iso(createdMs + 900),
    ...(ended ? { endedAt: iso(createdMs + 900) } : {}),
    seq: 1_000 + index,
    attempt: 1,
    failures: 0,
    usage: { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.000_18 },
    node: `worker-0000${index % 8}`,
    ...(state === 'failed'
      ? { error: { code: 'provider-unavailable', message: 'The provider did not answer.' } }
      : {}),
  }
}

/** A task that waits for a person. */
export const ASKING = {
  ...summaryOf(1),
  state: 'waiting',
  waitingFor: { kind: 'approval', step: 4, tool: 'pay_out', arguments: { amount: 5 } },
}

/** A running or completed task with this many calls. */
export function taskOf(calls: number, state: 'running' | 'completed' = 'completed'): TaskView {
  return {
    id: '019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90',
    state,
    agent: 'reviewer',
    model: 'gpt-4o-mini',
    priority: 'medium',
    cpu: 'low',
    memory: 'low',
    task: PREVIEWS[1]!,
    createdAt: iso(-60_000),
    updatedAt: iso(-60_000 + calls * 100),
    deadlineAt: iso(600_000),
    seq: calls + 2,
    attempt: 1,
    failures: 0,
    node: 'worker-00001',
    usage: { inputTokens: 812 * calls, outputTokens: 96 * calls, llmCalls: calls, costUsd: 0.04 },
    placement: PLACEMENT,
    ...(state === 'completed' ? { result: 'Supplier B is the cheapest.' } : {}),
  }
}

const PLACEMENT = {
  node: 'worker-00001',
  reason: 'least loaded of those with room',
  by: 'load-balancer-1',
  atMs: T0_MS - 59_950,
  considered: 8,
}

/** The stored events of such a task. */
export function eventsOf(calls: number, ended = true): readonly HistoryEvent[] {
  const start = T0_MS - 60_000
  const usage = { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.000_18 }
  const made = Array.from({ length: calls }, (_, index): HistoryEvent => ({
    seq: index + 2,
    type: 'call-finished',
    atMs: start + 100 + index * 100,
    attempt: 1,
    node: 'worker-00001',
    ...(index === 0 ? { placement: PLACEMENT } : {}),
    call:
      index % 2 === 0
        ? { step: index, kind: 'llm', name: 'gpt-4o-mini', usage }
        : {
            step: index,
            kind: 'tool',
            name: 'http_fetch',
            usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
          },
  }))
  const end: HistoryEvent = {
    seq: calls + 2,
    type: 'completed',
    atMs: start + 200 + calls * 100,
    attempt: 1,
    node: 'worker-00001',
  }
  return [{ seq: 1, type: 'submitted', atMs: start }, ...made, ...(ended ? [end] : [])]
}

/** A decision after which the autoscaler acted. */
export const DECISION: DecisionView = {
  id: 'd1',
  kind: 'scale-up',
  service: 'autoscaler',
  by: 'autoscaler-1',
  atMs: T0_MS - 42_000,
  acted: true,
  reason: 'the queue grows faster than the nodes work',
  inputs: { nodes: 8, queued: 240, perNode: 12.5 },
  policy: { kind: 'scale-up', reason: 'the queue grows faster than the nodes work' },
  options: [],
  outcomes: [],
} as unknown as DecisionView

/** An incident that is open. */
export const INCIDENT: IncidentView = {
  id: 'i1',
  nodeId: 'worker-00007',
  incarnation: 1,
  reason: 'no heartbeat and no answer',
  state: 'open',
  by: 'recovery-1',
  silentMs: 900,
  detectedAtMs: T0_MS - 5_000,
  openedAtMs: T0_MS - 4_900,
  tasks: 5,
  redistributed: 4,
  redistributedAtMs: T0_MS - 4_700,
}

/** What happened in the last minutes; nothing in every fifth one. */
export function seriesOf(minutes: number): TaskSeries {
  const points = Array.from({ length: minutes }, (_, index) => ({
    at: iso((index - minutes) * 60_000),
    submitted: 10 + (mixed(index) % 20),
    started: 10,
    completed: 8 + (mixed(index + 2) % 20),
    failed: index % 9 === 0 ? 2 : 0,
    cancelled: 0,
    retried: 0,
    lost: 0,
    llmCalls: 30,
    inputTokens: 20_480,
    outputTokens: 2_400,
    costUsd: 0.004_5,
    unpricedCalls: 0,
    waitMs: { count: 12, p50: 4, p99: 20 + (mixed(index) % 30) },
  }))
  return {
    scope: 'tenant',
    step: '1m',
    from: iso(-minutes * 60_000),
    to: iso(0),
    knownFrom: iso(-minutes * 60_000),
    series: [{ points: points.filter((_, index) => index % 5 !== 4) }],
  }
}
