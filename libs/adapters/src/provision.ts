import {
  ACK_WAIT_MS,
  DUPLICATE_WINDOW_MS,
  POINTER_CONSUMERS,
  POINTERS_OUT_MAX,
  ServiceError,
  STREAMS,
  VERDICT_CONSUMER,
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
import type { Bus } from './bus.ts'
import type { Logger } from './logger.ts'

/** Sizes of the streams; the log needs about 0.4 kB of the server's memory for each task it keeps. */
export interface StreamSizes {
  readonly logMaxBytes: number
  readonly tasksMaxBytes: number
  readonly opsMaxBytes: number
  readonly replicas: number
}

/** Decisions and incidents older than this are history for the log files, milliseconds. */
const OPS_MAX_AGE_MS = 7 * 24 * 3_600_000
/** Verdicts are few; a recovery that holds this many unacked ones is stuck anyway. */
const VERDICTS_OUT_MAX = 100
const VERDICT_ACK_WAIT_MS = 10_000
const PROVISION_WITHIN_MS = 30_000

/**
 * Makes the three streams and their durable consumers, or brings them up to date; idempotent. Throws
 * `bus-unavailable` when the server does not let it.
 */
export async function provisionStreams(bus: Bus, sizes: StreamSizes, log: Logger): Promise<void> {
  const deadline = performance.now() + PROVISION_WITHIN_MS
  for (let wait = 100; ; wait = Math.min(2_000, wait * 2)) {
    try {
      const manager = await bus.nats.jetstreamManager({ timeout: 5_000, checkAPI: false })
      for (const config of streamConfigs(sizes)) await ensureStream(manager, config)
      for (const consumer of POINTER_CONSUMERS) {
        await manager.consumers.add(STREAMS.tasks, pointerConsumerConfig(consumer))
      }
      await manager.consumers.add(STREAMS.ops, verdictConsumerConfig)
      return
    } catch (cause) {
      if (performance.now() >= deadline) {
        throw new ServiceError('bus-unavailable', 'the streams cannot be made', {
          retryable: true,
          cause,
        })
      }
      log.warn({ err: cause }, 'streams not ready, trying again')
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
}

function streamConfigs(sizes: StreamSizes): Partial<StreamConfig>[] {
  const shared = {
    storage: StorageType.File,
    num_replicas: sizes.replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    allow_direct: true,
    max_consumers: -1,
  }
  return [
    {
      ...shared,
      name: STREAMS.log,
      subjects: ['log.*'],
      retention: RetentionPolicy.Limits,
      // A full log refuses; it never drops what was accepted (L1, L7).
      discard: DiscardPolicy.New,
      max_bytes: sizes.logMaxBytes,
      // Clients are fed by what was stored, after it was stored (L5).
      republish: { src: 'log.*', dest: 'live.{{wildcard(1)}}' },
    },
    {
      ...shared,
      name: STREAMS.tasks,
      subjects: ['tasks.*.*.*'],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      // One pointer per task: a second one is refused, so repairs need no care (L8).
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
      max_bytes: sizes.tasksMaxBytes,
    },
    {
      ...shared,
      name: STREAMS.ops,
      subjects: ['ops.>'],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_bytes: sizes.opsMaxBytes,
      max_age: nanos(OPS_MAX_AGE_MS),
    },
  ]
}

async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig>,
): Promise<void> {
  const name = config.name ?? ''
  try {
    await manager.streams.add(config)
  } catch {
    // It is there with other settings: bring it up to date, or say why that cannot be done.
    await manager.streams.update(name, config)
  }
}

function pointerConsumerConfig(consumer: {
  name: string
  filter: string
}): Partial<ConsumerConfig> {
  return {
    durable_name: consumer.name,
    filter_subject: consumer.filter,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ACK_WAIT_MS),
    deliver_policy: DeliverPolicy.All,
    // Attempts are counted in the log, never by the delivery count (L3).
    max_deliver: -1,
    // The defaults (1,000 and 512) would silently stop a fleet at 1,000 tasks.
    max_ack_pending: POINTERS_OUT_MAX,
    max_waiting: 4_096,
  }
}

const verdictConsumerConfig: Partial<ConsumerConfig> = {
  durable_name: VERDICT_CONSUMER,
  filter_subject: 'ops.node.*',
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(VERDICT_ACK_WAIT_MS),
  deliver_policy: DeliverPolicy.All,
  max_deliver: -1,
  max_ack_pending: VERDICTS_OUT_MAX,
}
