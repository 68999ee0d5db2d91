import { deadlineAtMs, type Placed, type TaskEvent, type TaskRecord } from '@agentfleet/domain'
import type {
  EventView,
  HistoryEvent,
  PlacementView,
  TaskSummary,
  TaskView,
} from '@agentfleet/protocol'
import type { StoredEvent } from '@agentfleet/adapters'

/** Characters of a task's text in a listing: one line on a screen. */
const PREVIEW_CHARS = 160

/**
 * A task as its owner sees it. `node` is where it runs as far as the store knows: a first attempt
 * runs without an event of its own (L3), so `running` is then a hint, not history.
 */
export function taskView(record: TaskRecord, node?: string): TaskView {
  const { spec } = record
  const view: TaskView = {
    id: record.taskId,
    state: record.state,
    agent: spec.agent,
    model: spec.model,
    priority: spec.priority,
    cpu: spec.cpu,
    memory: spec.memory,
    task: spec.task,
    createdAt: isoTime(record.submittedAtMs),
    updatedAt: isoTime(record.updatedAtMs),
    deadlineAt: isoTime(deadlineAtMs(record)),
    seq: record.seq,
    attempt: record.attempt,
    failures: record.failures,
    usage: record.usage,
  }
  if (spec.systemPrompt !== undefined) view.systemPrompt = spec.systemPrompt
  if (spec.context !== undefined) view.context = spec.context
  if (spec.metadata !== undefined) view.metadata = spec.metadata
  if (record.node !== undefined) view.node = record.node
  if (record.placed !== undefined) view.placement = placementView(record.placed)
  if (spec.affinityKey !== undefined) view.affinityKey = spec.affinityKey
  if (record.retryAtMs !== undefined) view.retryAt = isoTime(record.retryAtMs)
  if (record.result !== undefined) view.result = record.result
  if (record.error !== undefined) view.error = record.error
  return withHint(view, node)
}

/** A task as listings show it. */
export function taskSummary(record: TaskRecord, node?: string): TaskSummary {
  const { spec } = record
  const summary: TaskSummary = {
    id: record.taskId,
    state: record.state,
    agent: spec.agent,
    model: spec.model,
    priority: spec.priority,
    preview: spec.task.slice(0, PREVIEW_CHARS),
    createdAt: isoTime(record.submittedAtMs),
    updatedAt: isoTime(record.updatedAtMs),
    seq: record.seq,
    attempt: record.attempt,
    failures: record.failures,
  }
  if (record.node !== undefined) summary.node = record.node
  if (record.error !== undefined) summary.error = record.error
  return withHint(summary, node)
}

/** An event without what is nobody's business: the tenant and the fingerprint of the body. */
export function eventView(event: TaskEvent): EventView {
  if (event.type === 'submitted') return { type: event.type, atMs: event.atMs }
  if (!('placed' in event) || event.placed === undefined) return event
  const { placed, ...rest } = event
  return { ...rest, placement: placementView(placed) }
}

/** A stored event as the history shows it. */
export function historyEvent({ event, seq }: StoredEvent): HistoryEvent {
  return { seq, ...eventView(event) }
}

function placementView({ node, reason, balancer, atMs, considered }: Placed): PlacementView {
  return { node, reason, by: balancer, atMs, considered }
}

function withHint<T extends { state: TaskView['state']; node?: string }>(
  view: T,
  node: string | undefined,
): T {
  if (view.state === 'queued' && node !== undefined) {
    view.state = 'running'
    view.node = node
  }
  return view
}

/** An instant in ISO 8601. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString()
}
