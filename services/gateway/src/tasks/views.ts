import {
  deadlineAtMs,
  dueAtMs,
  endedAtMs,
  given,
  isTerminal,
  PREVIEW_CHARS,
  SPEC_LIMITS,
  type Placed,
  type Submitted,
  type TaskEvent,
  type TaskPreview,
  type TaskRecord,
  type TaskSpec,
  type Waiting,
} from '@agentfleet/domain'
import type {
  EventView,
  HistoryEvent,
  PlacementView,
  TaskSummary,
  TaskView,
  WaitingView,
} from '@agentfleet/protocol'
import type { StoredEvent } from '@agentfleet/adapters'
import type { FastifyReply } from 'fastify'

/**
 * Converts a task for its owner. A first attempt writes no start event (L3), so `node` and
 * `running` may come from Redis; they are then a hint.
 */
export function taskView(record: TaskRecord, node?: string): TaskView {
  const { spec, submittedAtMs, updatedAtMs } = record
  const createdAt = isoTime(submittedAtMs)
  const view: TaskView = {
    id: record.taskId,
    state: record.state,
    agent: spec.agent,
    model: spec.model,
    priority: spec.priority,
    cpu: spec.cpu,
    memory: spec.memory,
    task: spec.task,
    createdAt,
    updatedAt: sameSecond(createdAt, submittedAtMs, updatedAtMs) ?? isoTime(updatedAtMs),
    deadlineAt: isoTime(deadlineAtMs(record)),
    seq: record.seq,
    attempt: record.attempt,
    failures: record.failures,
    usage: record.usage,
  }
  if (spec.systemPrompt !== undefined) view.systemPrompt = spec.systemPrompt
  if (spec.context !== undefined) view.context = spec.context
  if (spec.metadata !== undefined) view.metadata = spec.metadata
  if (spec.submittedBy !== undefined) view.submittedBy = spec.submittedBy
  if (spec.writtenBy !== undefined) view.writtenBy = spec.writtenBy
  if (spec.approvers !== undefined) view.approvers = spec.approvers
  if (record.node !== undefined) view.node = record.node
  if (record.placed !== undefined) view.placement = placementView(record.placed)
  if (spec.affinityKey !== undefined) view.affinityKey = spec.affinityKey
  addDefinition(view, spec)
  if (record.retryAtMs !== undefined) view.retryAt = isoTime(record.retryAtMs)
  const due = dueAtMs(spec, record.submittedAtMs)
  if (due > record.submittedAtMs) view.notBefore = isoTime(due)
  if (record.waitingFor !== undefined) view.waitingFor = waitingView(record.waitingFor)
  if (record.pauses > 0) view.pauses = record.pauses
  if (record.approvals.length > 0) view.approvals = [...record.approvals]
  if (spec.dependsOn !== undefined) view.dependsOn = [...spec.dependsOn]
  if (record.parent !== undefined) view.parentId = record.parent.taskId
  if (record.children.length > 0) {
    view.children = record.children.map(({ taskId, step }) => ({ id: taskId, step }))
  }
  if (record.result !== undefined) view.result = record.result
  if (record.error !== undefined) view.error = record.error
  return withHint(view, node)
}

/** Answers with the task: 200 if it has ended, otherwise 202 and the address of the task. */
export function answerWith(reply: FastifyReply, record: TaskRecord, node?: string): FastifyReply {
  const view = taskView(record, node)
  if (isTerminal(record.state)) return reply.code(200).send(view)
  return reply.code(202).header('location', `/v1/tasks/${view.id}`).send(view)
}

/** Adds the fields that the task or its agent's definition set. */
function addDefinition(view: TaskView, spec: TaskSpec): void {
  const { definition, fallbackModels, tools, responseSchema, budget, limits, replayOf } = spec
  if (definition !== undefined) view.definition = definition
  if (fallbackModels !== undefined) view.fallbackModels = [...fallbackModels]
  if (tools !== undefined) view.tools = [...tools]
  if (responseSchema !== undefined) view.responseSchema = responseSchema
  if (budget !== undefined) view.budget = budget
  if (limits !== undefined) view.limits = limits
  if (replayOf !== undefined) view.replayOf = replayOf
}

/** Converts a task for a list. */
export function taskSummary(task: TaskPreview, node?: string): TaskSummary {
  const { spec, startedAtMs, metadata, parentId, replayOf, error } = task
  const ended = endedAtMs(task)
  const summary: TaskSummary = {
    id: task.taskId,
    state: task.state,
    kind: task.kind,
    agent: spec.agent,
    model: spec.model,
    priority: spec.priority,
    preview: spec.task.slice(0, PREVIEW_CHARS),
    createdAt: isoTime(task.submittedAtMs),
    updatedAt: isoTime(task.updatedAtMs),
    ...(startedAtMs === undefined ? {} : { startedAt: isoTime(startedAtMs) }),
    ...(ended === undefined ? {} : { endedAt: isoTime(ended) }),
    seq: task.seq,
    attempt: task.attempt,
    failures: task.failures,
    usage: task.usage,
    ...given({ metadata, parentId, replayOf, error }),
  }
  if (task.waitingFor !== undefined) summary.waitingFor = waitingView(task.waitingFor)
  if (task.node !== undefined) summary.node = task.node
  return withHint(summary, node)
}

/** Converts an event without the tenant and the fingerprint of the body, which are internal. */
export function eventView(event: TaskEvent): EventView {
  if (event.type === 'submitted') return { type: event.type, atMs: event.atMs }
  if (!('placed' in event) || event.placed === undefined) return plainView(event)
  const { placed, ...rest } = event
  return { ...plainView(rest), placement: placementView(placed) }
}

/** Shows only the ids of child tasks; clients can read each of them. */
function plainView(event: Exclude<TaskEvent, Submitted>): EventView {
  if (event.type === 'paused') {
    const { wait, ...rest } = event
    return { ...rest, wait: waitingView(wait) }
  }
  if (event.type !== 'spawned') return event
  return { ...event, children: event.children.map(({ taskId }) => taskId) }
}

/** Converts what a task waits for. */
function waitingView(waiting: Waiting): WaitingView {
  switch (waiting.kind) {
    case 'time':
      return { kind: 'time', until: isoTime(waiting.untilMs) }
    case 'approval':
      return waiting
    case 'dependencies':
    case 'children':
      return { kind: waiting.kind, taskIds: [...waiting.taskIds] }
  }
}

/** Converts a stored event for the history. */
export function historyEvent({ event, seq }: StoredEvent): HistoryEvent {
  return { seq, ...eventView(event) }
}

function placementView({ node, reason, balancer, atMs, considered }: Placed): PlacementView {
  return { node, reason, by: balancer, atMs, considered }
}

/** Shows a queued task as running if Redis knows its node. */
export function withHint<T extends { state: TaskView['state']; node?: string }>(
  view: T,
  node: string | undefined,
): T {
  if (view.state === 'queued' && node !== undefined) {
    view.state = 'running'
    view.node = node
  }
  return view
}

/** Where the milliseconds begin in a time of a year with four digits, as in 2026-11-29T17:04:05.678Z. */
const MILLISECONDS_AT = 20

/** Formats a time of the same second as one that is formatted already; undefined if its second is another one. */
function sameSecond(formatted: string, formattedMs: number, atMs: number): string | undefined {
  const second = Math.floor(formattedMs / 1_000)
  const ms = atMs - second * 1_000
  if (!(ms >= 0 && ms < 1_000) || formatted.length !== MILLISECONDS_AT + 4) return undefined
  return `${formatted.slice(0, MILLISECONDS_AT)}${String(Math.floor(ms)).padStart(3, '0')}Z`
}

/** Formats a time as ISO 8601; a time that no calendar has becomes the last one that a calendar has. */
export function isoTime(atMs: number): string {
  return new Date(Math.min(atMs, SPEC_LIMITS.instantMsMax)).toISOString()
}
