import { STREAMS, waitingConsumer, type TenantQueue } from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import { readMessage } from '../log/stream-reads.ts'

/**
 * When the first pointer was issued that waits in this queue, behind the last one that its consumer delivered;
 * undefined if none waits. Throws `bus-unavailable`.
 */
export async function oldestPointerAtMs(
  bus: Bus,
  queue: TenantQueue,
  deliveredSeq: number,
): Promise<number | undefined> {
  const { filter } = waitingConsumer(queue)
  const query = { seq: deliveredSeq + 1, next_by_subj: filter }
  return (await readMessage(bus, STREAMS.tasks, query))?.storedAtMs
}
