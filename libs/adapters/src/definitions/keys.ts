import { randomUUID } from 'node:crypto'
import type { ApiKey } from '@agentfleet/domain'
import {
  fromStored,
  ServiceError,
  storedKeySchema,
  STREAMS,
  SUBJECTS,
  toStored,
} from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import { createAppender } from '../log/appends.ts'
import { readMessage, streamFill } from '../log/stream-reads.ts'
import { tailStream, type StreamTail } from '../log/stream-tail.ts'

/** A key and its sequence in the stream KEYS. */
export interface StoredKey {
  readonly key: ApiKey
  readonly seq: number
}

/** Keys of the API: one subject of KEYS for each, whose newest message counts. */
export interface Keys {
  last(id: string): Promise<StoredKey | undefined>
  /** Stores a key behind the version at `expectSeq` (0: none); conflict: another writer was first. */
  store(
    key: ApiKey,
    expectSeq: number,
  ): Promise<
    { readonly kind: 'stored'; readonly seq: number } | { readonly kind: 'conflict' | 'full' }
  >
  /** Removes a key, unless it was changed behind this sequence. */
  forget(stored: StoredKey): Promise<void>
  /** Used share of the stream, from 0 to 1. */
  fill(): Promise<number>
  /** Reads every stored key, then changes as they arrive, in order. */
  follow(receive: (stored: StoredKey) => void, log: Logger): StreamTail
}

const APPEND_WITHIN_MS = 5_000
const PURGE_WITHIN_MS = 5_000

/** Works on KEYS over this connection. */
export function openKeys(bus: Bus): Keys {
  const appender = createAppender(bus)
  return {
    async last(id) {
      const message = await readMessage(bus, STREAMS.keys, { last_by_subj: SUBJECTS.key(id) })
      return message && { key: readKey(message.subject, message.text), seq: message.seq }
    },
    async store({ id, ...key }, expectSeq) {
      const answer = await appender.append({
        subject: SUBJECTS.key(id),
        data: toStored(key, 'key'),
        expectSeq,
        // A repeat of the same write is a duplicate, any other write a conflict.
        messageId: randomUUID(),
        deadlineMs: APPEND_WITHIN_MS,
      })
      if (answer.kind === 'stored' || answer.kind === 'conflict') return answer
      if (answer.kind === 'full') return { kind: 'full' }
      throw new ServiceError('bus-unavailable', `the key ${id}: ${answer.kind}`)
    },
    async forget({ key, seq }) {
      const request = JSON.stringify({ filter: SUBJECTS.key(key.id), seq: seq + 1 })
      await bus.request(`$JS.API.STREAM.PURGE.${STREAMS.keys}`, request, PURGE_WITHIN_MS)
    },
    async fill() {
      const { bytes, maxBytes } = await streamFill(bus, STREAMS.keys)
      return bytes / maxBytes
    },
    follow(receive, log) {
      return tailStream(bus, {
        stream: STREAMS.keys,
        from: { readBack: Number.MAX_SAFE_INTEGER },
        receive({ subject, text, streamSeq }) {
          try {
            receive({ key: readKey(subject, text), seq: streamSeq })
          } catch (error) {
            log.error(
              { err: error, subject, seq: streamSeq },
              'The gateway skipped a key that it cannot read',
            )
          }
        },
        log,
      })
    },
  }
}

function readKey(subject: string, text: string): ApiKey {
  return { ...storedKeySchema.parse(fromStored(text, 'key')), id: subject.split('.')[1] ?? '' }
}
