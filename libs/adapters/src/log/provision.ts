import { setTimeout as pause } from 'node:timers/promises'
import { TIMING, type Timing } from '@agentfleet/domain'
import {
  DUPLICATE_WINDOW_MS,
  RUNNING_CONSUMER,
  ServiceError,
  STREAMS,
  SUBJECTS,
  AGENT_VERSIONS_MAX,
  AGENTS_MAX_BYTES,
  DEATH_CONSUMER,
  SCHEDULES_MAX_BYTES,
  type StreamName,
} from '@agentfleet/protocol'
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  nanos,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type JetStreamManager,
  type StreamConfig,
} from 'nats'
import type { Bus } from '../bus/bus.ts'
import type { Logger } from '@agentfleet/runtime'
import { formatMetadata, requireKnownFormats } from './formats.ts'
import { readConsumer, streamMessages } from './stream-reads.ts'
import { pointerConsumerConfig } from '../pointers/pointer-consumers.ts'

/** Sizes of the streams; the log needs about 0.4 kB of the server's memory for each task it keeps. */
export interface StreamSizes {
  readonly logMaxBytes: number
  readonly tasksMaxBytes: number
  readonly opsMaxBytes: number
  readonly replicas: number
}

/** Lease of a delivered message; all processes of a fleet use the same. */
export type Leases = Pick<Timing, 'leaseMs' | 'deathLeaseMs'>

/** The stream drops decisions and incidents after this; older history is in the log files, milliseconds. */
const OPS_MAX_AGE_MS = 7 * 24 * 3_600_000
/** Deaths are few; a recovery service with this many unacked ones is stuck anyway. */
const DEATHS_OUT_MAX = 100
const PROVISION_WITHIN_MS = 30_000
/** Bytes; room for about forty thousand keys, because every gateway holds all keys in its memory. */
const KEYS_MAX_BYTES = 32 * 1024 * 1024
/** Changes of a tenant, and as many refusals; a subject each, so that neither kind nor another tenant drops them. */
const AUDIT_EVENTS_MAX = 50_000
/** Events of a usual size of six tenants with as many as they may have, bytes. */
const AUDIT_MAX_BYTES = 256 * 1024 * 1024
/** A quarter of a year: the interval of most reviews, milliseconds. */
const AUDIT_MAX_AGE_MS = 90 * 24 * 3_600_000

/**
 * A stream that holds the newest message of each subject: each message tells nats-server to remove the older
 * ones. A limit of one message would remove them only from memory, so a killed nats-server would read an older
 * version again as soon as the newest one is purged: a deleted schedule, or a revoked key.
 */
const NEWEST_ONLY = { max_msgs_per_subject: -1, allow_rollup_hdrs: true }

/**
 * Creates the streams and their durable consumers, or updates them; idempotent. Throws `bus-unavailable` when
 * the server refuses, `newer-format` when they hold items that this release cannot read.
 */
export async function provisionStreams(
  bus: Bus,
  sizes: StreamSizes,
  log: Logger,
  leases: Leases = TIMING,
): Promise<void> {
  const deadline = performance.now() + PROVISION_WITHIN_MS
  for (let wait = 100; ; wait = Math.min(2_000, wait * 2)) {
    try {
      const manager = await bus.nats.jetstreamManager({ timeout: 5_000, checkAPI: false })
      await requireKnownFormats(bus)
      for (const config of streamConfigs(sizes)) await ensureStream(manager, config)
      await manager.consumers.add(
        STREAMS.tasks,
        pointerConsumerConfig(RUNNING_CONSUMER, leases.leaseMs),
      )
      await manager.consumers.add(STREAMS.ops, deathConsumerConfig(leases.deathLeaseMs))
      return
    } catch (cause) {
      if (cause instanceof ServiceError && cause.code === 'newer-format') throw cause
      if (performance.now() >= deadline) {
        throw new ServiceError('bus-unavailable', 'the process cannot create the streams of NATS', {
          retryable: true,
          cause,
        })
      }
      log.warn(
        { err: cause },
        'The process cannot create or read the streams of NATS yet; it tries again',
      )
      await pause(wait)
    }
  }
}

/** The durable consumers that are made with their streams; load balancers make those of tenants. */
const CONSUMERS = [
  [STREAMS.tasks, RUNNING_CONSUMER.name],
  [STREAMS.ops, DEATH_CONSUMER],
] as const

/** Names the streams of a fleet, and the consumers made with them, that NATS does not have. Throws `bus-unavailable`. */
export async function missingStreams(bus: Bus): Promise<readonly string[]> {
  const missing = async (name: string, found: Promise<unknown>): Promise<string[]> =>
    (await found) === undefined ? [name] : []
  const looked = await Promise.all([
    ...Object.values(STREAMS).map((name) => missing(name, streamMessages(bus, name))),
    ...CONSUMERS.map(([stream, consumer]) =>
      missing(`${stream}.${consumer}`, readConsumer(bus, stream, consumer)),
    ),
  ])
  return looked.flat()
}

type NamedConfig = Partial<StreamConfig> & { readonly name: StreamName }

function streamConfigs(sizes: StreamSizes): NamedConfig[] {
  const shared = {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    num_replicas: sizes.replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    allow_direct: true,
    max_consumers: -1,
  }
  return [...taskStreams(sizes), ...definitionStreams()].map((config) => ({ ...shared, ...config }))
}

function taskStreams(sizes: StreamSizes): NamedConfig[] {
  return [
    {
      name: STREAMS.log,
      subjects: [SUBJECTS.allLog],
      // A full log refuses; it never drops what was accepted (L1, L7).
      discard: DiscardPolicy.New,
      max_bytes: sizes.logMaxBytes,
      // Clients receive stored events, after they were stored (L5).
      republish: { src: SUBJECTS.allLog, dest: 'live.{{wildcard(1)}}' },
    },
    {
      name: STREAMS.tasks,
      subjects: [SUBJECTS.allPointers],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      // One pointer per task: the server refuses a second one, so a repair may issue it again safely (L8).
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
      max_bytes: sizes.tasksMaxBytes,
    },
    {
      name: STREAMS.ops,
      subjects: ['ops.>'],
      discard: DiscardPolicy.Old,
      max_bytes: sizes.opsMaxBytes,
      max_age: nanos(OPS_MAX_AGE_MS),
    },
  ]
}

function definitionStreams(): NamedConfig[] {
  return [
    {
      name: STREAMS.agents,
      subjects: [SUBJECTS.allAgents],
      // One message for each version of a definition: the stream drops the oldest versions, never a whole
      // definition.
      discard: DiscardPolicy.New,
      max_msgs_per_subject: AGENT_VERSIONS_MAX,
      max_bytes: AGENTS_MAX_BYTES,
    },
    {
      name: STREAMS.schedules,
      subjects: [...SUBJECTS.allSchedules],
      discard: DiscardPolicy.New,
      // A schedule consists of its newest definition, its newest tick and the newest list of runs that clients asked for.
      ...NEWEST_ONLY,
      max_bytes: SCHEDULES_MAX_BYTES,
    },
    {
      name: STREAMS.keys,
      subjects: [SUBJECTS.allKeys],
      // The newest version of a key is all that counts; no key is ever dropped for room.
      discard: DiscardPolicy.New,
      ...NEWEST_ONLY,
      max_bytes: KEYS_MAX_BYTES,
    },
    {
      name: STREAMS.audit,
      // Earlier releases name no tenant.
      subjects: [SUBJECTS.allAudit, 'audit.*.*'],
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: AUDIT_EVENTS_MAX,
      max_bytes: AUDIT_MAX_BYTES,
      max_age: nanos(AUDIT_MAX_AGE_MS),
    },
  ]
}

async function ensureStream(manager: JetStreamManager, plain: NamedConfig): Promise<void> {
  const { name } = plain
  const config = { ...plain, metadata: formatMetadata(name) }
  try {
    await manager.streams.add(config)
  } catch {
    // The stream exists with other settings: update it, or say why that is impossible.
    await manager.streams.update(name, config)
  }
}

const deathConsumerConfig = (leaseMs: number): Partial<ConsumerConfig> => ({
  durable_name: DEATH_CONSUMER,
  filter_subject: 'ops.node.*',
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(leaseMs),
  deliver_policy: DeliverPolicy.All,
  max_deliver: -1,
  max_ack_pending: DEATHS_OUT_MAX,
})
