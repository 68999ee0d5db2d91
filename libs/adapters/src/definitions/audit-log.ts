import { randomUUID } from 'node:crypto'
import {
  CHANNELS,
  ServiceError,
  STREAMS,
  SUBJECTS,
  toStored,
  type AuditEvent,
} from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import { createAppender } from '../log/appends.ts'
import { readOrSkip } from '../log/formats.ts'
import { readMessage, streamFill } from '../log/stream-reads.ts'

/**
 * Changes and refusals, on the stream AUDIT. The stream drops the oldest events of the same tenant and kind, so
 * that a flood of refusals drops no change, and a flood of one tenant drops no event of another tenant.
 */
export interface AuditLog {
  /** Resolves once the event is stored. */
  append(event: AuditEvent): Promise<void>
  /**
   * Returns the events below a sequence, newest first (undefined: from the end), out of at most `scan` stored
   * ones; `next` is where the next call continues, absent at the beginning of the stream.
   */
  before(
    seq: number | undefined,
    scan: number,
  ): Promise<{ readonly events: readonly StoredAuditEvent[]; readonly next?: number }>
}

/** An event and its sequence in the stream. */
export interface StoredAuditEvent {
  readonly seq: number
  readonly event: AuditEvent
}

const APPEND_WITHIN_MS = 5_000

/** Works on AUDIT over this connection. */
export function openAuditLog(bus: Bus): AuditLog {
  const appender = createAppender(bus)
  const read = async (seq: number): Promise<readonly StoredAuditEvent[]> => {
    const message = await readMessage(bus, STREAMS.audit, { seq })
    const event = message && readOrSkip(bus.log, CHANNELS.audit, message)
    return event === undefined ? [] : [{ seq, event }]
  }
  return {
    async append(event) {
      const answer = await appender.append({
        subject: SUBJECTS.audit(event.kind, event.tenant),
        data: toStored(event, 'audit'),
        messageId: randomUUID(),
        deadlineMs: APPEND_WITHIN_MS,
      })
      if (answer.kind === 'stored') return
      throw new ServiceError('bus-unavailable', `an audit event: ${answer.kind}`)
    },
    async before(below, scan) {
      const { firstSeq, lastSeq } = await streamFill(bus, STREAMS.audit)
      const from = Math.min(below ?? Infinity, lastSeq + 1) - 1
      const to = Math.max(firstSeq, from - scan + 1, 1)
      const seqs = Array.from({ length: Math.max(0, from - to + 1) }, (_, index) => from - index)
      const events = (await Promise.all(seqs.map(read))).flat()
      return to > Math.max(1, firstSeq) && seqs.length > 0 ? { events, next: to } : { events }
    },
  }
}
