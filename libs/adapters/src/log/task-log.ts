import { foldHistory, type TaskEvent, type TaskRecord } from '@agentfleet/domain'
import {
  eventOf,
  parseEvent,
  ServiceError,
  STREAMS,
  SUBJECTS,
  toStored,
} from '@agentfleet/protocol'
import { parseInSlices } from '@agentfleet/runtime'
import { createAppender } from './appends.ts'
import type { Bus } from '../bus/bus.ts'
import { readMessage, streamFill, type StreamFill, type StoredMessage } from './stream-reads.ts'
import { readSubject } from './subject-history.ts'

/** One event as LOG holds it. */
export interface StoredEvent extends Pick<StoredMessage, 'seq' | 'messageId' | 'storedAtMs'> {
  readonly event: TaskEvent
}

/** Outcome of an append. */
export type AppendOutcome =
  | { readonly kind: 'stored'; readonly seq: number; readonly duplicate: boolean }
  /** Another writer has appended a newer event than the writer expected. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'full' }
  /** Unconfirmed: the event may be stored or not. */
  | { readonly kind: 'unknown' }

/** The truth about tasks: one subject of LOG per task. */
export interface TaskLog {
  /**
   * Appends with compare-and-set (L2). When the conflicting event is this very event (same message id), the
   * append counts as stored. Throws `bus-unavailable` only when the server refuses, `too-large` when one
   * message cannot hold the event.
   */
  append(
    taskId: string,
    event: TaskEvent,
    options: {
      readonly expectSeq: number
      readonly messageId: string
      readonly deadlineMs: number
    },
  ): Promise<AppendOutcome>
  last(taskId: string): Promise<StoredEvent | undefined>
  history(taskId: string): Promise<StoredEvent[]>
  /**
   * The events behind `afterSeq`, in order, until they reach so many bytes; at least one if there is one. `complete`
   * says that the log holds no further one.
   */
  page(
    taskId: string,
    afterSeq: number,
    bytes: number,
  ): Promise<{ readonly events: readonly StoredEvent[]; readonly complete: boolean }>
  record(taskId: string): Promise<TaskRecord | undefined>
  fill(): Promise<StreamFill>
  /** Purges every event before this sequence; false when the server has not confirmed it. */
  purgeBefore(seq: number): Promise<boolean>
}

/** No run is longer than this; the worker's own limits are far below it. */
const HISTORY_MAX = 10_000

const PURGE_WITHIN_MS = 10_000

/** Reads and writes LOG over this connection. */
export function openTaskLog(bus: Bus): TaskLog {
  const appender = createAppender(bus)

  const last = async (taskId: string): Promise<StoredEvent | undefined> => {
    const message = await readMessage(bus, STREAMS.log, { last_by_subj: SUBJECTS.log(taskId) })
    return message === undefined ? undefined : readEvent(message)
  }

  const history = async (taskId: string): Promise<StoredEvent[]> => {
    const { messages } = await readSubject(bus, { ...subjectOf(taskId), max: HISTORY_MAX })
    return readEvents(messages)
  }

  return {
    last,
    history,
    async page(taskId, afterSeq, bytes) {
      const query = { ...subjectOf(taskId), afterSeq, max: HISTORY_MAX, bytes }
      const { messages, complete } = await readSubject(bus, query)
      return { events: await readEvents(messages), complete }
    },
    async record(taskId) {
      return foldHistory(taskId, await history(taskId))
    },
    fill: () => streamFill(bus, STREAMS.log),
    async purgeBefore(seq) {
      const subject = `$JS.API.STREAM.PURGE.${STREAMS.log}`
      const answer = await bus.request(subject, JSON.stringify({ seq }), PURGE_WITHIN_MS)
      return answer.kind === 'reply'
    },
    async append(taskId, event, { expectSeq, messageId, deadlineMs }) {
      const ack = await appender.append({
        subject: SUBJECTS.log(taskId),
        data: toStored(event, 'event'),
        expectSeq,
        messageId,
        deadlineMs,
      })
      if (ack.kind === 'too-large') {
        throw new ServiceError(
          'too-large',
          `the event ${event.type} is too large for one message`,
          { retryable: false },
        )
      }
      if (ack.kind === 'refused') {
        throw new ServiceError('bus-unavailable', ack.reason, { retryable: false })
      }
      if (ack.kind === 'full') return { kind: 'full' }
      if (ack.kind !== 'conflict') return ack
      // After a crash the server may have lost our id from its duplicate window: read back and compare.
      const stored = await last(taskId)
      if (stored?.messageId === messageId) {
        return { kind: 'stored', seq: stored.seq, duplicate: true }
      }
      return ack
    },
  }
}

function subjectOf(taskId: string) {
  return { stream: STREAMS.log, subject: SUBJECTS.log(taskId) }
}

/** Characters. A longer event is parsed in slices, because parsing it at once can take a tenth of a second. */
const LARGE_CHARS = 64 * 1024

async function readEvents(messages: readonly StoredMessage[]): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (const message of messages) {
    const isLarge = message.text.length > LARGE_CHARS
    events.push(isLarge ? await readEvent(message) : storedEvent(message, parseEvent(message.text)))
  }
  return events
}

async function readEvent(message: StoredMessage): Promise<StoredEvent> {
  const { text } = message
  if (text.length <= LARGE_CHARS) return storedEvent(message, parseEvent(text))
  const value = await parseInSlices(Buffer.from(text), JSON).catch(() => undefined)
  return storedEvent(message, eventOf(value))
}

function storedEvent(message: StoredMessage, event: TaskEvent): StoredEvent {
  const { seq, messageId, storedAtMs } = message
  return { event, seq, messageId, storedAtMs }
}
