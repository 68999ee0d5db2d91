import { TIMING } from '@agentfleet/domain'
import {
  POINTERS_OUT_MAX,
  queueOfConsumer,
  ServiceError,
  STREAMS,
  waitingConsumer,
  type PointerConsumer,
  type TenantQueue,
} from '@agentfleet/protocol'
import { AckPolicy, DeliverPolicy, nanos, type ConsumerConfig } from 'nats'
import type { Bus } from '../bus/bus.ts'
import { readConsumer, streamConsumers, type ConsumerState } from '../log/stream-reads.ts'

/**
 * The consumers of tenants on TASKS: one for each priority in which a tenant has tasks. Making an existing
 * one changes nothing. A consumer also delivers pointers that were stored before it.
 */
export interface PointerConsumers {
  /** Makes the consumer of this queue; throws `bus-unavailable`. */
  make(queue: TenantQueue): Promise<void>
  /** All existing consumers. */
  list(): Promise<(TenantQueue & ConsumerState)[]>
  /**
   * Removes a consumer that has no waiting pointer, no unacked pointer and no listener; false otherwise. A
   * pointer that arrives at that moment waits for the next consumer.
   */
  removeIdle(queue: TenantQueue): Promise<boolean>
}

const WITHIN_MS = 5_000

/** Works on the consumers of TASKS over this connection; their pointers have leases of this length. */
export function openPointerConsumers(bus: Bus, leaseMs: number = TIMING.leaseMs): PointerConsumers {
  const command = async (subject: string, data: string): Promise<void> => {
    const answer = await bus.request(subject, data, WITHIN_MS)
    if (answer.kind !== 'reply')
      throw new ServiceError('bus-unavailable', `NATS did not answer a request to ${subject}`)
    const { error } = JSON.parse(answer.text) as { error?: { code: number; description: string } }
    if (error === undefined || error.code === 404) return
    throw new ServiceError('bus-unavailable', `${subject}: ${error.description}`)
  }
  return {
    make(queue) {
      const consumer = waitingConsumer(queue)
      const { name, filter } = consumer
      const config = pointerConsumerConfig(consumer, leaseMs)
      return command(
        `$JS.API.CONSUMER.CREATE.${STREAMS.tasks}.${name}.${filter}`,
        JSON.stringify({ stream_name: STREAMS.tasks, config, action: '' }),
      )
    },
    async list() {
      const all = await streamConsumers(bus, STREAMS.tasks)
      return all.flatMap((state) => {
        const queue = queueOfConsumer(state.name)
        return queue === undefined ? [] : [{ ...queue, ...state }]
      })
    },
    async removeIdle(queue) {
      const { name } = waitingConsumer(queue)
      const state = await readConsumer(bus, STREAMS.tasks, name)
      if (state === undefined) return true
      if (state.waiting > 0 || state.out > 0 || state.listeners > 0) return false
      await command(`$JS.API.CONSUMER.DELETE.${STREAMS.tasks}.${name}`, '')
      return true
    },
  }
}

/** The settings of a consumer of pointers. */
export function pointerConsumerConfig(
  { name, filter }: PointerConsumer,
  leaseMs: number,
): Partial<ConsumerConfig> {
  return {
    name,
    durable_name: name,
    filter_subject: filter,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(leaseMs),
    deliver_policy: DeliverPolicy.All,
    // Attempts are counted in the log, never by the delivery count (L3).
    max_deliver: -1,
    // The defaults (1,000 and 512) would silently stop a fleet at 1,000 tasks.
    max_ack_pending: POINTERS_OUT_MAX,
    max_waiting: 4_096,
  }
}
