import { PAYLOAD_MAX_BYTES } from '@agentfleet/protocol'
import { nuid } from 'nats'
import { within, type Bus } from '../bus/bus.ts'
import { createPuller, type Puller } from '../pointers/pull.ts'
import { makeReader } from './reader.ts'
import { readMessage, type StoredMessage } from './stream-reads.ts'

/**
 * Reads the messages of one subject, in order: all of them, or a page with a bound in bytes.
 *
 * Most histories are a few messages, which are read one by one. The rest of a longer history comes in batches
 * from a consumer of that subject, so a history of thousands costs tens of round trips (batches of direct
 * reads need nats-server 2.11). Messages that the consumer fails to deliver are read one by one.
 */

/** Messages that are read one by one first; a consumer costs about as many round trips. */
const SINGLE_READS = 4
/** Messages of one batch. */
const BATCH = 64
/**
 * Bytes of one batch: more than the largest message, and far below what the server holds for one connection
 * (64 MiB).
 */
const BATCH_BYTES_MAX = 2 * PAYLOAD_MAX_BYTES
/** A batch that takes longer is given up, milliseconds. */
const BATCH_WITHIN_MS = 3_000
const MAKE_WITHIN_MS = 3_000
/** The server forgets the consumer soon after the last batch, milliseconds. */
const INACTIVE_MS = 1_000

/** Selects the messages: those behind `afterSeq`, at most `max`, until `bytes` are reached. */
interface SubjectQuery {
  readonly stream: string
  readonly subject: string
  readonly afterSeq?: number
  readonly max: number
  /** The answer ends with the message that reaches this size; the first message is never left out. */
  readonly bytes?: number
}

/** The messages of a subject, or a page of them; `complete` says that no further one is stored. */
export async function readSubject(bus: Bus, query: SubjectQuery) {
  const { stream, subject, afterSeq = 0, max, bytes = Infinity } = query
  const messages: StoredMessage[] = []
  const next = (): number => (messages.at(-1)?.seq ?? afterSeq) + 1
  let counted = 0
  let left = bytes
  let batched = false
  while (messages.length < max && left > 0) {
    if (messages.length >= SINGLE_READS && !batched) {
      batched = true
      const rest = { max: max - messages.length, bytes: left }
      await readBatches(bus, { stream, subject, from: next(), ...rest }, messages)
    } else {
      const message = await readMessage(bus, stream, { seq: next(), next_by_subj: subject })
      if (message === undefined) return { messages, complete: true }
      messages.push(message)
    }
    for (; counted < messages.length; counted += 1) left -= messages[counted]!.text.length
  }
  return { messages, complete: false }
}

/** Adds the messages that a consumer delivers, without gaps; it may deliver too few. */
async function readBatches(
  bus: Bus,
  query: { stream: string; subject: string; from: number; max: number; bytes: number },
  messages: StoredMessage[],
): Promise<void> {
  const { stream, subject, from, max } = query
  let bytesLeft = query.bytes
  const name = `history-${nuid.next()}`
  let puller: Puller | undefined
  try {
    const stored = await makeReader(bus, stream, {
      name,
      filter_subject: subject,
      fromSeq: from,
      inactiveMs: INACTIVE_MS,
      withinMs: MAKE_WITHIN_MS,
    })
    let left = Math.min(stored, max)
    if (left === 0) return
    let received = 0
    const all = new Promise<void>((resolve, reject) => {
      puller = createPuller(bus, {
        stream,
        consumer: name,
        wanted: () => Math.min(BATCH, left),
        bytesMax: () => Math.min(BATCH_BYTES_MAX, bytesLeft),
        // A page is full; a batch of a whole history only ends early.
        tooLarge: () => bytesLeft < BATCH_BYTES_MAX && resolve(),
        receive(message, raw) {
          // The consumer delivers nothing twice; lost messages are read one by one.
          if (message.consumerSeq !== received + 1) left = 0
          if (left === 0) return resolve()
          received += 1
          bytesLeft -= message.text.length
          left = bytesLeft > 0 ? left - 1 : 0
          messages.push({
            subject: message.subject,
            seq: message.seq,
            messageId: raw.headers?.get('Nats-Msg-Id') ?? '',
            text: message.text,
            storedAtMs: message.storedAtMs,
          })
          if (left === 0) resolve()
        },
        missing: () => reject(new Error('NATS no longer has the consumer of the history')),
      })
    })
    await within(all, BATCH_WITHIN_MS * Math.ceil(left / BATCH))
  } catch {
    // The caller then reads one by one, and reports messages that stay unreadable.
  } finally {
    puller?.stop()
  }
}
