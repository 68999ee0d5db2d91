import { z } from 'zod'
import {
  deathSchema,
  decisionSchema,
  identitySchema,
  incidentSchema,
  outcomeOfDecisionSchema,
} from '../control.ts'
import {
  manualRunsSchema,
  pointerSchema,
  scheduleRunSchema,
  scheduleSchema,
  taskEventSchema,
} from '../messages.ts'
import type { ServiceName } from '../services.ts'
import { auditEventSchema, storedKeySchema } from '../values/key-schema.ts'
import { agentVersionSchema } from '../values/spec-schema.ts'
import { PAYLOAD_MAX_BYTES, STREAMS } from '../streams.ts'
import { event, KIB, MIB, stored } from './channel.ts'

/** The channels that streams store. `{service}` is always the sender's own name. */
export const STORED_CHANNELS = {
  log: stored('log', {
    subject: 'log.{taskId}',
    summary: 'A message contains one event of a task.',
    stream: STREAMS.log,
    body: taskEventSchema,
    senders: ['gateway', 'coordinator'],
    bytesMax: PAYLOAD_MAX_BYTES,
  }),
  live: event('live', {
    subject: 'live.{taskId}',
    summary:
      'NATS publishes each event again after it has stored the event in LOG; these messages are the only source of client streams (L5).',
    body: taskEventSchema,
    senders: [],
    listeners: ['gateway'],
    bytesMax: PAYLOAD_MAX_BYTES,
  }),
  pointer: stored('pointer', {
    subject: 'tasks.{queue}.{tenant}.{taskId}',
    summary:
      'A message is the pointer of a task that waits or runs; a task has at most one pointer in all queues.',
    stream: STREAMS.tasks,
    body: pointerSchema,
    senders: ['gateway', 'coordinator', 'load-balancer'],
    bytesMax: PAYLOAD_MAX_BYTES,
  }),
  death: stored('death', {
    subject: 'ops.node.{nodeId}',
    summary:
      'A health monitor has declared a node dead; the message names the incarnation (start) of the node.',
    stream: STREAMS.ops,
    body: deathSchema,
    senders: ['health-monitor'],
    bytesMax: 8 * KIB,
  }),
  identity: stored('identity', {
    subject: 'ops.identity.{nodeId}',
    summary: 'A message contains the digest of the secret with which a node proves its name.',
    stream: STREAMS.ops,
    body: identitySchema,
    senders: ['coordinator'],
    bytesMax: 4 * KIB,
  }),
  decision: stored('decision', {
    subject: 'ops.decision.{service}',
    summary: 'A service records a decision of one of its control loops.',
    stream: STREAMS.ops,
    body: decisionSchema,
    senders: ['load-balancer', 'health-monitor', 'autoscaler', 'recovery'],
    bytesMax: 64 * KIB,
  }),
  outcome: stored('outcome', {
    subject: 'ops.outcome.{service}',
    summary:
      'A service records the outcome of a decision, which it measured some minutes after the decision.',
    stream: STREAMS.ops,
    body: outcomeOfDecisionSchema,
    senders: ['load-balancer', 'autoscaler', 'recovery'],
    bytesMax: 64 * KIB,
  }),
  state: stored('state', {
    subject: 'ops.state.{service}',
    summary: 'A service stores its learned state, which its next leader reads.',
    stream: STREAMS.ops,
    body: z.unknown(),
    senders: ['autoscaler'],
    bytesMax: MIB,
  }),
  incident: stored('incident', {
    subject: 'ops.incident.{incidentId}',
    summary:
      'The record of one failed node and its handling; each message contains the whole record.',
    stream: STREAMS.ops,
    body: incidentSchema,
    senders: ['recovery'],
    bytesMax: 64 * KIB,
  }),
  agent: stored('agent', {
    subject: 'agents.{tenant}.{agentName}',
    summary: "A message contains one version of a tenant's definition of an agent.",
    stream: STREAMS.agents,
    body: agentVersionSchema,
    senders: ['gateway'],
    bytesMax: 2 * MIB,
  }),
  schedule: stored('schedule', {
    subject: 'schedules.def.{tenant}.{scheduleName}',
    summary: "A message contains the newest definition of a tenant's schedule.",
    stream: STREAMS.schedules,
    body: scheduleSchema,
    senders: ['gateway'],
    bytesMax: 4 * MIB,
  }),
  scheduleRun: stored('schedule-run', {
    subject: 'schedules.ran.{tenant}.{scheduleName}',
    summary:
      'A message contains the last time of a schedule for which a coordinator submitted or skipped a task.',
    stream: STREAMS.schedules,
    body: scheduleRunSchema,
    senders: ['coordinator'],
    bytesMax: 4 * KIB,
  }),
  manualRuns: stored('manual-runs', {
    subject: 'schedules.manual.{tenant}.{scheduleName}',
    summary: 'A message contains the newest runs of a schedule that clients asked for.',
    stream: STREAMS.schedules,
    body: manualRunsSchema,
    senders: ['gateway'],
    bytesMax: 16 * KIB,
  }),
  key: stored('key', {
    subject: 'keys.{keyId}',
    summary:
      'A message contains the newest version of a key of the API; it holds only digests of secrets.',
    stream: STREAMS.keys,
    body: storedKeySchema,
    senders: ['gateway'],
    bytesMax: 64 * KIB,
  }),
  audit: stored('audit', {
    subject: 'audit.{service}.{auditKind}.{tenant}',
    summary:
      'A gateway records a change through the API, a change whose outcome it does not know, or several equal refused requests within one second. The tenant is `_` if no key was recognised.',
    stream: STREAMS.audit,
    body: auditEventSchema,
    senders: ['gateway'],
    bytesMax: 64 * KIB,
  }),
} as const

/**
 * The JetStream rights of each service, stream by stream. `*`: of the server itself. The coordinator, the one
 * writer of history, also maintains the streams: it creates them, trims LOG, takes pointers back.
 */
export const STREAM_RIGHTS: Readonly<
  Record<string, Partial<Readonly<Record<ServiceName, readonly string[]>>>>
> = {
  [STREAMS.log]: {
    gateway: [
      '$JS.API.DIRECT.GET.LOG',
      '$JS.API.DIRECT.GET.LOG.>',
      // A long history is read through a consumer of its one subject.
      '$JS.API.CONSUMER.CREATE.LOG.*.log.*',
      '$JS.API.CONSUMER.MSG.NEXT.LOG.*',
      '$JS.API.STREAM.INFO.LOG',
    ],
    coordinator: [
      '$JS.API.STREAM.PURGE.LOG',
      '$JS.API.STREAM.MSG.DELETE.LOG',
      '$JS.API.DIRECT.GET.LOG',
      '$JS.API.DIRECT.GET.LOG.>',
      '$JS.API.CONSUMER.DELETE.LOG.>',
      '$JS.API.CONSUMER.MSG.NEXT.LOG.>',
    ],
  },
  [STREAMS.tasks]: {
    gateway: ['$JS.API.STREAM.INFO.TASKS'],
    coordinator: [
      '$JS.API.STREAM.MSG.DELETE.TASKS',
      '$JS.API.DIRECT.GET.TASKS',
      '$JS.API.DIRECT.GET.TASKS.>',
      '$JS.API.CONSUMER.DELETE.TASKS.*',
      // How many pointers wait in each queue.
      '$JS.API.CONSUMER.LIST.TASKS',
      // For the nodes, which may not ack themselves.
      '$JS.ACK.TASKS.>',
    ],
    // The load balancer makes the consumers of tenants when needed and removes idle ones. The filter is part
    // of the subject, so it can make no other consumers.
    'load-balancer': [
      '$JS.API.CONSUMER.CREATE.TASKS.*.tasks.*.*.>',
      '$JS.API.CONSUMER.DELETE.TASKS.*',
      '$JS.API.CONSUMER.LIST.TASKS',
      // Which pointers are older than its connection.
      '$JS.API.STREAM.INFO.TASKS',
      '$JS.API.CONSUMER.MSG.NEXT.TASKS.>',
      '$JS.API.CONSUMER.INFO.TASKS.>',
      '$JS.ACK.TASKS.>',
    ],
    'health-monitor': ['$JS.API.STREAM.INFO.TASKS'],
    recovery: ['$JS.ACK.TASKS.>'],
  },
  [STREAMS.ops]: {
    gateway: [
      '$JS.API.STREAM.INFO.OPS',
      '$JS.API.DIRECT.GET.OPS',
      '$JS.API.CONSUMER.CREATE.OPS',
      '$JS.API.CONSUMER.MSG.NEXT.OPS.*',
    ],
    coordinator: ['$JS.API.DIRECT.GET.OPS', '$JS.API.DIRECT.GET.OPS.>'],
    'health-monitor': ['$JS.API.DIRECT.GET.OPS'],
    autoscaler: ['$JS.API.STREAM.INFO.OPS', '$JS.API.DIRECT.GET.OPS', '$JS.API.DIRECT.GET.OPS.>'],
    recovery: [
      '$JS.API.STREAM.INFO.OPS',
      '$JS.API.DIRECT.GET.OPS',
      '$JS.API.DIRECT.GET.OPS.>',
      '$JS.API.CONSUMER.MSG.NEXT.OPS.recovery',
      '$JS.ACK.OPS.>',
    ],
  },
  [STREAMS.agents]: {
    gateway: [
      '$JS.API.STREAM.INFO.AGENTS',
      '$JS.API.DIRECT.GET.AGENTS',
      '$JS.API.DIRECT.GET.AGENTS.>',
      '$JS.API.CONSUMER.CREATE.AGENTS',
      '$JS.API.CONSUMER.CREATE.AGENTS.*',
      '$JS.API.CONSUMER.MSG.NEXT.AGENTS.*',
    ],
  },
  [STREAMS.keys]: {
    gateway: [
      '$JS.API.STREAM.INFO.KEYS',
      // Keys that ended long ago are forgotten.
      '$JS.API.STREAM.PURGE.KEYS',
      '$JS.API.DIRECT.GET.KEYS',
      '$JS.API.DIRECT.GET.KEYS.>',
      '$JS.API.CONSUMER.CREATE.KEYS',
      '$JS.API.CONSUMER.CREATE.KEYS.*',
      '$JS.API.CONSUMER.MSG.NEXT.KEYS.*',
    ],
  },
  [STREAMS.audit]: { gateway: ['$JS.API.STREAM.INFO.AUDIT', '$JS.API.DIRECT.GET.AUDIT'] },
  [STREAMS.schedules]: {
    gateway: ['$JS.API.DIRECT.GET.SCHEDULES', '$JS.API.STREAM.INFO.SCHEDULES'],
    coordinator: [
      '$JS.API.STREAM.PURGE.SCHEDULES',
      '$JS.API.DIRECT.GET.SCHEDULES',
      '$JS.API.CONSUMER.DELETE.SCHEDULES.>',
      '$JS.API.CONSUMER.MSG.NEXT.SCHEDULES.>',
    ],
  },
  '*': {
    coordinator: [
      '$JS.API.INFO',
      '$JS.API.STREAM.CREATE.*',
      '$JS.API.STREAM.UPDATE.*',
      '$JS.API.STREAM.INFO.*',
      '$JS.API.CONSUMER.CREATE.>',
      '$JS.API.CONSUMER.INFO.>',
      '$JS.FC.>',
    ],
  },
}
