import { queueOfConsumer, STREAMS, waitingConsumer, type TenantQueue } from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import { readMessage, streamConsumers } from '../log/stream-reads.ts'

/** How many pointers wait in the queues of the tenants, and since when. They throw `bus-unavailable`. */
export interface QueueReads {
  depths(): Promise<QueueDepth[]>
  /** Returns when the first waiting pointer was issued; undefined if none waits. */
  oldestAtMs(depth: QueueDepth): Promise<number | undefined>
}

/** The pointers of one queue that no load balancer has fetched yet. */
interface QueueDepth extends TenantQueue {
  readonly waiting: number
  readonly deliveredSeq: number
}

/** Reads over this connection. */
export function openQueueReads(bus: Bus): QueueReads {
  return {
    async depths() {
      const consumers = await streamConsumers(bus, STREAMS.tasks)
      return consumers.flatMap(({ name, waiting, deliveredSeq }) => {
        const queue = queueOfConsumer(name)
        return queue === undefined ? [] : [{ ...queue, waiting, deliveredSeq }]
      })
    },
    async oldestAtMs({ deliveredSeq, ...queue }) {
      const { filter } = waitingConsumer(queue)
      const query = { seq: deliveredSeq + 1, next_by_subj: filter }
      return (await readMessage(bus, STREAMS.tasks, query))?.storedAtMs
    },
  }
}
