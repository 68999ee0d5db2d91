import { z } from 'zod'
import {
  approveReplySchema,
  approveSchema,
  deltaSchema,
  dispatchItemSchema,
  dispatchReplySchema,
  dispatchSchema,
  freshSchema,
  handoverSchema,
  nodeTenantsSchema,
  outcomeSchema,
  reportItemSchema,
  reportReplySchema,
  reportSchema,
  runsAnswerSchema,
  stopSchema,
  waitingQueuesSchema,
} from '../messages.ts'
import {
  queuesQuestionSchema,
  queuesReplySchema,
  seriesQuestionSchema,
  seriesReplySchema,
} from './figures.ts'
import { idSchema as id } from '../heartbeat.ts'
import { PAYLOAD_MAX_BYTES } from '../streams.ts'
import { event, KIB, MIB, question, request } from './channel.ts'

/** The name of a pointer for its acks; nats-server makes it of the names of stream and consumer and of numbers. */
const ACK_SUBJECT = /^\$JS\.ACK\.TASKS(\.[\w-]+){1,9}$/
const ACK_SUBJECT_CHARS_MAX = 512

/** What a node says about one of its pointers: its task needs it no longer, its run lives, or another node may run it. */
const pointerAckSchema = z.object({
  subject: z.string().max(ACK_SUBJECT_CHARS_MAX).regex(ACK_SUBJECT),
  say: z.enum(['done', 'renew', 'giveBack']),
})
/** One word about one pointer. */
export type PointerAck = z.infer<typeof pointerAckSchema>

/** How tasks get to nodes, and how nodes report on them. */
export const WORK_CHANNELS = {
  handover: event('handover', {
    subject: 'balancer.handover',
    summary:
      'A gateway hands new tasks directly to a load balancer, without putting a pointer into their queue.',
    body: handoverSchema,
    items: { field: 'items', schema: freshSchema },
    senders: ['gateway'],
    listeners: ['load-balancer'],
    queue: 'load-balancer',
    bytesMax: 2 * MIB,
  }),
  waiting: event('waiting', {
    subject: 'balancer.waiting',
    summary: 'A service announces which tenants have new pointers in their queues.',
    body: waitingQueuesSchema,
    senders: ['gateway', 'coordinator', 'load-balancer'],
    listeners: ['load-balancer'],
    bytesMax: 256 * KIB,
  }),
  dispatch: request('dispatch', {
    subject: 'node.{nodeId}.dispatch',
    summary:
      'A load balancer sends tasks to a node; the node accepts only as many of these tasks as it has free slots.',
    body: dispatchSchema,
    items: { field: 'items', schema: dispatchItemSchema },
    reply: dispatchReplySchema,
    senders: ['load-balancer'],
    listeners: ['worker'],
    ownNode: 'listener',
    bytesMax: PAYLOAD_MAX_BYTES,
    replyBytesMax: 64 * KIB,
  }),
  acks: event('acks', {
    subject: 'node.{nodeId}.acks',
    summary:
      'A node confirms, renews or gives back pointers; one process acks them for it, because an ack can make nats-server write to any subject.',
    body: z.object({ nodeId: z.string(), acks: z.array(pointerAckSchema.optional()) }),
    items: { field: 'acks', schema: pointerAckSchema },
    senders: ['worker'],
    listeners: ['load-balancer', 'coordinator'],
    ownNode: 'sender',
    queue: 'acks',
    bytesMax: 1 * MIB,
  }),
  report: request('report', {
    subject: 'coordinator.report.{nodeId}',
    summary:
      'A node sends the reports of its runs; the answer has one outcome for each report, in the same order.',
    body: reportSchema,
    items: { field: 'items', schema: reportItemSchema },
    reply: reportReplySchema,
    replyItems: { field: 'outcomes', schema: outcomeSchema },
    senders: ['worker'],
    listeners: ['coordinator'],
    queue: 'coordinator',
    ownNode: 'sender',
    bytesMax: PAYLOAD_MAX_BYTES,
    replyBytesMax: PAYLOAD_MAX_BYTES,
  }),
  cancel: request('cancel', {
    subject: 'coordinator.cancel',
    summary: 'A gateway asks a coordinator to cancel a task.',
    body: z.object({ taskId: id, tenant: id, reason: z.string() }),
    reply: z.object({ kind: z.enum(['cancelled', 'finished', 'not-found', 'unavailable']) }),
    senders: ['gateway'],
    listeners: ['coordinator'],
    queue: 'coordinator',
    bytesMax: 16 * KIB,
    replyBytesMax: KIB,
  }),
  approve: request('approve', {
    subject: 'coordinator.approve',
    summary: 'A gateway sends the decision of a person about a step that waits for approval.',
    body: approveSchema,
    reply: approveReplySchema,
    senders: ['gateway'],
    listeners: ['coordinator'],
    queue: 'coordinator',
    bytesMax: 64 * KIB,
    replyBytesMax: KIB,
  }),
  series: request('series', {
    subject: 'coordinator.series',
    summary: 'A gateway asks a coordinator what happened to tasks over time.',
    body: seriesQuestionSchema,
    reply: seriesReplySchema,
    senders: ['gateway'],
    listeners: ['coordinator'],
    queue: 'coordinator',
    bytesMax: 4 * KIB,
    replyBytesMax: PAYLOAD_MAX_BYTES,
  }),
  queues: request('queues', {
    subject: 'coordinator.queues',
    summary:
      'A gateway or a load balancer asks a coordinator how many tasks of each tenant and priority wait or run.',
    body: queuesQuestionSchema,
    reply: queuesReplySchema,
    senders: ['gateway', 'load-balancer'],
    listeners: ['coordinator'],
    queue: 'coordinator',
    bytesMax: 4 * KIB,
    replyBytesMax: 2 * MIB,
  }),
  stop: event('stop', {
    subject: 'node.{nodeId}.stop',
    summary:
      'A coordinator asks a node to stop its runs of the tasks that the message names: the tasks have ended, or a newer attempt runs on another node.',
    body: stopSchema,
    senders: ['coordinator'],
    listeners: ['worker'],
    ownNode: 'listener',
    bytesMax: 2 * MIB,
  }),
  stopAnywhere: event('stop-anywhere', {
    subject: 'fleet.stop',
    summary: 'A coordinator asks all nodes to stop the tasks that the message names.',
    body: stopSchema,
    senders: ['coordinator'],
    listeners: ['worker'],
    bytesMax: 2 * MIB,
  }),
  runs: question('runs', {
    subject: 'fleet.runs',
    summary:
      'A coordinator asks the nodes which of the named tasks they run. A node that runs none of the named tasks does not answer.',
    body: z.object({ taskIds: z.array(id) }),
    reply: runsAnswerSchema,
    senders: ['coordinator'],
    listeners: ['worker'],
    bytesMax: 2 * MIB,
    replyBytesMax: 4 * MIB,
  }),
  textSoFar: question('text-so-far', {
    subject: 'fleet.text',
    summary:
      'A gateway asks the nodes for the text that the running attempt of a task has written so far. A node that does not run the task does not answer.',
    body: z.object({ taskId: id }),
    reply: deltaSchema,
    senders: ['gateway'],
    listeners: ['worker'],
    bytesMax: 4 * KIB,
    replyBytesMax: 2 * MIB,
  }),
  tenants: question('tenants', {
    subject: 'fleet.tenants',
    summary: 'A load balancer asks the nodes how many tasks of each tenant they run.',
    body: z.object({}),
    reply: nodeTenantsSchema,
    senders: ['load-balancer'],
    listeners: ['worker'],
    bytesMax: 4 * KIB,
    replyBytesMax: 4 * MIB,
  }),
  delta: event('delta', {
    subject: 'delta.{taskId}',
    summary:
      'A node announces what a running attempt does: its start, pieces of its text, and its tool calls.',
    body: deltaSchema,
    senders: ['worker'],
    listeners: ['gateway'],
    bytesMax: PAYLOAD_MAX_BYTES,
  }),
} as const
