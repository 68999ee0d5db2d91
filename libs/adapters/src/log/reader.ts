import { AckPolicy, DeliverPolicy, nanos, type ConsumerConfig } from 'nats'
import type { Bus } from '../bus/bus.ts'

/** A consumer to make, and how much of the stream it reads. */
interface Reading extends Pick<Partial<ConsumerConfig>, 'filter_subject' | 'filter_subjects'> {
  readonly name: string
  readonly fromSeq: number
  /** The server removes the consumer when it is not asked for so long, milliseconds. */
  readonly inactiveMs: number
  readonly withinMs: number
}

/**
 * Makes a consumer that reads a stream in order, without acknowledgements and in the memory of one server; returns
 * how many messages it has.
 */
export async function makeReader(
  bus: Bus,
  stream: string,
  { fromSeq, inactiveMs, withinMs, ...config }: Reading,
): Promise<number> {
  const manager = await bus.nats.jetstreamManager({ timeout: withinMs, checkAPI: false })
  const { num_pending: stored } = await manager.consumers.add(stream, {
    ...config,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: fromSeq,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(inactiveMs),
  })
  return stored
}
