import {
  CHILDREN_MAX,
  jsonIn,
  LEVELS,
  SPEC_LIMITS,
  PLACEMENT_MODES,
  TASK_EVENT_TYPES,
  type JournaledCall,
  type Approval,
  type Json,
  type ManualRun,
  type ScheduleRun,
  type TaskEvent,
  type TaskInput,
} from '@agentfleet/domain'
import { z } from 'zod'
import { ServiceError } from './errors.ts'
import { withoutFormat } from './values/formats.ts'
import { heartbeatSchema, idSchema as id } from './heartbeat.ts'
import { calledBy, callTimes, usage } from './values/call-schema.ts'
import { count, durationMs, instantMs, whole } from './values/numbers.ts'
import { specSchema } from './values/spec-schema.ts'
import { text } from './values/text.ts'

/**
 * Messages between processes on the bus: one schema each, parsed by the receiver. Unknown fields are dropped,
 * so that a newer sender does not break an older receiver.
 */

const json = z.unknown().transform((value) => value as Json)
const level = z.enum(LEVELS)

const taskError = z.object({ code: z.string(), message: z.string() })
/** Failed tasks are listed in Redis by the code of their error: a node must not make keys of any length. */
const reportedError = z.object({ code: z.string().min(1).max(64), message: z.string() })
const call = z
  .object({
    step: count,
    kind: z.enum(['llm', 'tool']),
    name: z.string(),
    output: json,
    usage,
    by: calledBy.optional(),
    times: callTimes.optional(),
  })
  .transform((made) => made as JournaledCall)

/** The kinds of wait for which a run gives its slot back. */
export const pauseSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('time'), untilMs: instantMs }),
  z.object({ kind: z.literal('approval'), step: count, tool: z.string(), arguments: json }),
  z.object({ kind: z.literal('children'), taskIds: z.array(id).max(CHILDREN_MAX) }),
])
export type Pause = z.infer<typeof pauseSchema>

const approval = z
  .object({
    step: count,
    approved: z.boolean(),
    by: z.string().max(128),
    person: text(128).optional(),
    atMs: instantMs.optional(),
    note: text(SPEC_LIMITS.noteCharsMax).optional(),
  })
  .transform((value) => value as Approval)

/** Outcome of a task that a run waited for. */
const taskInput = z
  .object({
    from: z.enum(['dependency', 'child']),
    taskId: id,
    state: z.enum(['completed', 'failed', 'cancelled', 'unknown']),
    result: json.optional(),
    error: taskError.optional(),
    note: z.string().optional(),
  })
  .transform((value) => value as TaskInput)

/** Why a run is on its node; the load balancer writes it, the node carries it into the log. */
export const placedSchema = z.object({
  node: id,
  reason: z.string().max(256),
  balancer: id,
  considered: count,
  atMs: instantMs,
})

const EVENT_TYPES = new Set<unknown>(TASK_EVENT_TYPES)

function isTaskEvent(value: unknown): value is TaskEvent {
  const event = value as { readonly type?: unknown; readonly atMs?: unknown } | null
  return EVENT_TYPES.has(event?.type) && typeof event?.atMs === 'number'
}

/**
 * An event as LOG holds it. Only the gateway and the coordinator can write there (L9), each from a typed
 * value. The schema therefore checks only the outline and saves the cost of a full parse: every event is read
 * several times.
 */
export const taskEventSchema = z.custom<TaskEvent>(
  // The check removes the format: a step that only transforms would cost as much as the check.
  (value) => isTaskEvent(withoutFormat(value, 'event')),
  'must be an event of a task',
)

/** Reads an event; throws `bad-message` on any other text. */
export function parseEvent(text: string): TaskEvent {
  return eventOf(jsonIn(text))
}

/** The same for parsed JSON, which is changed; undefined stands for a text that is not JSON. */
export function eventOf(value: unknown): TaskEvent {
  const event = withoutFormat(value, 'event')
  if (isTaskEvent(event)) return event
  throw new ServiceError('bad-message', 'must be an event of a task')
}

/** Tenants or queues of tenants named in one hint: some tens of kB. */
export const TENANTS_NAMED_MAX = 1_000

/** A pointer on TASKS: the task to run, with its spec when small. */
export const pointerSchema = z.object({
  taskId: id,
  tenant: id,
  /** Log sequence of `submitted`: the token of a fast start (L3). */
  seq: whole,
  cpu: level,
  memory: level,
  affinityKey: z.string().optional(),
  placement: z.enum(PLACEMENT_MODES).optional(),
  /** Estimated tokens: the task's weight in the sharing between tenants. */
  cost: count.optional(),
  deadlineAtMs: instantMs,
  /** Issued again (retry, repair): only a fenced start may run it. */
  reissue: z.boolean(),
  /** The node that already runs the task without a pointer: it adopts this one. */
  node: id.optional(),
  spec: specSchema.optional(),
})
export type Pointer = z.infer<typeof pointerSchema>

/** Tasks just stored, handed to a load balancer before they have a pointer (a hint, L6). */
export const freshSchema = z.object({ priority: level, pointer: pointerSchema })
export type Fresh = z.infer<typeof freshSchema>
/** Several such tasks in one message. */
export const handoverSchema = z.object({ items: z.array(freshSchema.optional()) })

/**
 * A load balancer is alive; `room`: it has credits for fresh tasks, and no task waits before them. `leaving`:
 * it no longer counts.
 */
export const balancerSchema = z.object({
  id,
  /** When its process started; a restarted process counts as another one for the limits of tenants. */
  since: instantMs.optional(),
  room: z.boolean(),
  leaving: z.boolean().optional(),
  /** Tenants that have reached their limit of tasks in flight: their tasks have to wait in the queue. */
  full: z.array(id).max(TENANTS_NAMED_MAX).optional(),
})
export type Balancer = z.infer<typeof balancerSchema>

/** Queues of tenants that have received tasks; each load balancer makes sure that they have a listener. */
export const waitingQueuesSchema = z.object({
  queues: z.array(z.object({ tenant: id, priority: level })).max(TENANTS_NAMED_MAX),
})

/** One task handed to a node. */
export const dispatchItemSchema = z.object({
  taskId: id,
  tenant: id,
  seq: whole,
  deadlineAtMs: instantMs,
  /** The node must begin through the coordinator before it runs anything (L3). */
  fenced: z.boolean(),
  /** Absent: the task has no pointer yet; it gets one if it still runs a moment later. */
  ackSubject: z.string().optional(),
  /** Signed by the load balancer: this task may be reported by this node (L9). */
  claim: z.string(),
  /** Requirement classes, if the spec does not name them. */
  cpu: level.optional(),
  memory: level.optional(),
  /** The reason for this node, if it differs from that of the batch. */
  reason: z.string().max(256).optional(),
  spec: specSchema.optional(),
})
export type DispatchItem = z.infer<typeof dispatchItemSchema>

/**
 * A batch of tasks for one node; the node accepts the first tasks, as many as it has slots for. `placed`
 * is sent once for all of them: the node makes the record of each task from it.
 */
export const dispatchSchema = z.object({
  balancer: id,
  /** When the load balancer's process started. */
  since: instantMs.optional(),
  placed: z.object({ reason: z.string().max(256), considered: count, atMs: instantMs }).optional(),
  /** When it was sent, by the clock of the node: if it reads it much later, it does not know who runs the tasks. */
  sentAtMs: instantMs.optional(),
  items: z.array(dispatchItemSchema.optional()),
})
export type Dispatch = z.infer<typeof dispatchSchema>
/** A load balancer waits this long for the answer to a dispatch; then the lease or the note of a task decides, milliseconds. */
export const DISPATCH_WITHIN_MS = 2_000

/**
 * Answer to a dispatch: how many of its items were accepted, and the load afterwards. `unreadable` has the
 * positions of unreadable items; those before the last accepted one count as accepted.
 */
export const dispatchReplySchema = z.object({
  accepted: count,
  unreadable: z.array(count).optional(),
  heartbeat: heartbeatSchema,
})
export type DispatchReply = z.infer<typeof dispatchReplySchema>

const reportBase = {
  taskId: id,
  claim: z.string(),
  reportId: id,
  /** As in the dispatch of this run; one report of a run needs it. */
  placed: placedSchema.optional(),
}
const ran = { ...reportBase, expect: whole, attempt: count }
/** A node's report on one task to a coordinator; `expect` is the run's token (L3). */
export const reportItemSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('begin'), ...reportBase }),
  z.object({ op: z.literal('call'), ...ran, call }),
  z.object({
    op: z.literal('complete'),
    ...ran,
    result: json,
    usage,
    /** The provider of the last call. */
    by: calledBy.optional(),
    /** When the last call was made. */
    lastCall: callTimes.optional(),
  }),
  z.object({
    op: z.literal('fail'),
    ...ran,
    error: reportedError,
    retryable: z.boolean(),
    /** When the provider accepts the task again. */
    retryAfterMs: durationMs.optional(),
    /** The run's partial result when its budget ran out. */
    result: json.optional(),
  }),
  z.object({ op: z.literal('own'), ...ran }),
  /** The run gives its slot back until this wait is over. */
  z.object({ op: z.literal('pause'), ...ran, wait: pauseSchema }),
  /** The run makes these tasks, once for each step; their ids follow from task, step and position. */
  z.object({
    op: z.literal('spawn'),
    ...ran,
    step: count,
    children: z.array(specSchema).min(1).max(CHILDREN_MAX),
  }),
])
export type ReportItem = z.infer<typeof reportItemSchema>

/** A batch of reports of one node. */
export const reportSchema = z.object({ nodeId: id, items: z.array(reportItemSchema.optional()) })
export type Report = z.infer<typeof reportSchema>

/** Outcome of one report. */
export const outcomeSchema = z.discriminatedUnion('kind', [
  /** Stored (or, for `own`, still current): `seq` is the new token. */
  z.object({ kind: z.literal('committed'), seq: whole }),
  z.object({
    kind: z.literal('begun'),
    seq: whole,
    attempt: count,
    spec: specSchema,
    calls: z.array(call),
    /** Answers to steps that asked for approval. */
    approvals: z.array(approval).optional(),
    /** The tasks that this task made, by the step that made them. */
    children: z.array(z.object({ taskId: id, step: count })).optional(),
    /** Outcomes of the tasks it depends on and of those it made. */
    inputs: z.array(taskInput).optional(),
    deadlineAtMs: instantMs,
  }),
  /** The report exceeds a limit or is unreadable; the run continues without it, or fails. */
  z.object({ kind: z.literal('rejected'), error: taskError }),
  /** The task has ended: ack the pointer, run nothing. */
  z.object({ kind: z.literal('finished') }),
  /** Another attempt has taken over: stop, renew nothing, ack nothing. */
  z.object({ kind: z.literal('superseded') }),
  /** The retry is not due; its pointer will be issued then. Ack this one. */
  z.object({ kind: z.literal('not-due') }),
  /** The claim does not prove that this node was given this task. */
  z.object({ kind: z.literal('refused') }),
  /** Unconfirmed: send the same report again. */
  z.object({ kind: z.literal('unavailable') }),
])
export type Outcome = z.infer<typeof outcomeSchema>
const outcomes = z.array(outcomeSchema.optional())
/** One outcome per item, in the order of the report; a lost one is undefined. `atMs`: the time of the log, if known. */
export const reportReplySchema = z.object({ outcomes, atMs: instantMs.optional() })

/** Answer to a run that asked for approval: continue or not. */
export const approveSchema = z.object({ taskId: id, tenant: id, approval })
/** Answer to that request. */
export const approveReplySchema = z.object({
  kind: z.enum([
    'resumed',
    'finished',
    'not-found',
    'not-waiting',
    'other-step',
    'decided-otherwise',
    'own-key',
    'unavailable',
  ]),
})
export type ApproveReply = z.infer<typeof approveReplySchema>

/** When a schedule submits its task. */
export const scheduleTimesSchema = z.object({
  cron: z.string(),
  timeZone: z.string(),
  overlap: z.enum(['allow', 'skip']),
  paused: z.boolean(),
  atMs: instantMs,
})
/** A schedule with its task, as the stream SCHEDULES holds it. */
export const scheduleSchema = scheduleTimesSchema.extend({ spec: specSchema, request: json })
/** The last tick of a schedule. */
export const scheduleRunSchema = z
  .object({
    tickMs: instantMs,
    taskId: id.optional(),
    skipped: z.boolean(),
    pending: z.literal(true).optional(),
    atMs: instantMs,
  })
  .transform((run) => run as ScheduleRun)

/** The newest runs of a schedule that clients asked for. */
export const manualRunsSchema = z
  .object({ runs: z.array(z.object({ atMs: instantMs, taskId: id, by: z.string().optional() })) })
  .transform(({ runs }) => runs as readonly ManualRun[])

/**
 * Hint: tasks that have ended. With `before` the tasks continue elsewhere, and only runs stop whose last sequence of the
 * log is below it.
 */
export const stopSchema = z.object({ taskIds: z.array(id), before: whole.optional() })
/** The runs that a node must stop. */
export type Stop = z.infer<typeof stopSchema>

/** Names one process of a load balancer. */
export function giverOf({ id: name, since }: Pick<Balancer, 'id' | 'since'>): string {
  return since === undefined ? name : `${name}@${since}`
}

/** The name of a process and the time of its start. */
const giver = z.string().min(1).max(160)

/** One node's answer to `fleet.tenants`: its attempts, by tenant. */
export const nodeTenantsSchema = z.object({
  nodeId: id,
  tenants: z.record(id, count),
  /** The same, by the load balancer process that gave them. */
  givers: z.record(giver, z.record(id, count)).optional(),
})
export type NodeTenants = z.infer<typeof nodeTenantsSchema>

/** One node's answer: its runs, with their tokens, and the claims by which the node proves that they are its own (L9). */
export const runsAnswerSchema = z.object({
  nodeId: id,
  runs: z.array(z.object({ taskId: id, token: whole, claim: z.string().max(128) })),
})

/** The stream of a running attempt: its start, pieces of text, tool calls. */
export const deltaSchema = z.object({
  kind: z.enum(['started', 'text', 'tool']),
  attempt: count,
  node: id,
  /** Fencing token of the run: it distinguishes a late piece of an older attempt. */
  seq: whole,
  /** Characters of text streamed by this attempt before this piece. */
  offset: count,
  text: z.string(),
})
export type Delta = z.infer<typeof deltaSchema>
