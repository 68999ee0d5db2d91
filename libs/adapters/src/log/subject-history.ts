import { AckPolicy, DeliverPolicy, nanos, nuid } from 'nats'
import { within, type Bus } from '../bus/bus.ts'
import { createPuller, type Puller } from '../pointers/pull.ts'
import { readMessage, type StoredMessage } from './stream-reads.ts'

/**
 * Reads all messages of one subject, in order.
 *
 * Most histories are a few messages, which are read one by one. The rest of a longer history comes in batches
 * from a consumer of that subject, so a history of thousands costs tens of round trips (batches of direct
 * reads need nats-server 2.11). Messages that the consumer fails to deliver are read one by one.
 */

/** Messages that are read one by one first; a consumer costs about as many round trips. */
const SINGLE_READS = 4
/** At up to 1 MB each they stay within what the server holds for one connection (64 MB). */
const BATCH = 64
/** A batch that takes longer is given up, milliseconds. */
const BATCH_WITHIN_MS = 3_000
const MAKE_WITHIN_MS = 3_000
/** The server forgets the consumer soon after the last batch, milliseconds. */
const INACTIVE_MS = 1_000

/** All messages of a subject, at most `max`. */
export async function readSubject(
  bus: Bus,
  stream: string,
  subject: string,
  max: number,
): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = []
  const next = (): number => (messages.at(-1)?.seq ?? 0) + 1
  let batched = false
  while (messages.length < max) {
    if (messages.length >= SINGLE_READS && !batched) {
      batched = true
      const rest = max - messages.length
      await readBatches(bus, { stream, subject, from: next(), max: rest }, messages)
      continue
    }
    const query = { seq: next(), next_by_subj: subject }
    const message = await readMessage(bus, stream, query)
    if (message === undefined) break
    messages.push(message)
  }
  return messages
}

/** Adds the messages that a consumer delivers, without gaps; it may deliver too few. */
async function readBatches(
  bus: Bus,
  query: { stream: string; subject: string; from: number; max: number },
  messages: StoredMessage[],
): Promise<void> {
  const { stream, subject, from, max } = query
  const name = `history-${nuid.next()}`
  let puller: Puller | undefined
  try {
    const manager = await bus.nats.jetstreamManager({ timeout: MAKE_WITHIN_MS, checkAPI: false })
    const { num_pending: stored } = await manager.consumers.add(stream, {
      name,
      filter_subject: subject,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
    })
    let left = Math.min(stored, max)
    if (left === 0) return
    let received = 0
    const all = new Promise<void>((resolve, reject) => {
      puller = createPuller(bus, {
        stream,
        consumer: name,
        wanted: () => Math.min(BATCH, left),
        receive(message, raw) {
          // The consumer delivers nothing twice; lost messages are read one by one.
          if (message.consumerSeq !== received + 1) left = 0
          if (left === 0) return resolve()
          received += 1
          left -= 1
          messages.push({
            subject: message.subject,
            seq: message.streamSeq,
            messageId: raw.headers?.get('Nats-Msg-Id') ?? '',
            text: message.text,
            storedAtMs: message.storedAtMs,
          })
          if (left === 0) resolve()
        },
        missing: () => reject(new Error('the consumer is gone')),
      })
    })
    await within(all, BATCH_WITHIN_MS * Math.ceil(left / BATCH))
  } catch {
    // The caller then reads one by one, and reports messages that stay unreadable.
  } finally {
    puller?.stop()
  }
}
