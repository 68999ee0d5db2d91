import { randomUUID } from 'node:crypto'
import { ServiceError } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import { createAppender } from '../log/appends.ts'
import { logSkipped } from '../log/formats.ts'
import { readMessage, type StoredMessage } from '../log/stream-reads.ts'
import { tailStream, type StreamTail, type TailOptions } from '../log/stream-tail.ts'
import type { PulledMessage } from '../pointers/pull.ts'

/** The result of storing a version. `conflict`: another writer was first. `full`: the stream has no room. */
export type VersionOutcome =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'conflict' | 'full' }

/** A stream of definitions: one subject for each, whose newest message counts. */
export interface Versions {
  last(subject: string): Promise<StoredMessage | undefined>
  /**
   * Stores a version behind the one at `expectSeq` (0: none; undefined: behind any version). Throws
   * `outcome-unknown` when the server has not confirmed the write, and `bus-unavailable` when it has refused it.
   */
  store(
    version: { readonly subject: string; readonly data: string; readonly name: string },
    expectSeq: number | undefined,
  ): Promise<VersionOutcome>
  /** Purges the messages of a subject up to this sequence. */
  purge(subject: string, seq: number): Promise<void>
  /**
   * Reads stored versions, then new ones, in order; skips with a log line what `receive` throws at. Calls `replaced`
   * before it reads another stream from its beginning.
   */
  follow(
    receive: (message: PulledMessage) => void,
    options: { readonly log: Logger } & Pick<TailOptions, 'replaced'>,
  ): StreamTail
}

const APPEND_WITHIN_MS = 5_000
const PURGE_WITHIN_MS = 5_000

/**
 * Works on this stream over this connection. `replaces`: a version removes the older ones of its subject
 * (`NEWEST_ONLY` in the stream's configuration).
 */
export function openVersions(bus: Bus, stream: string, replaces?: 'replaces'): Versions {
  const appender = createAppender(bus)
  return {
    last: (subject) => readMessage(bus, stream, { last_by_subj: subject }),
    async store({ subject, data, name }, expectSeq) {
      const answer = await appender.append({
        subject,
        data,
        ...(expectSeq === undefined ? {} : { expectSeq }),
        // A repeat of the same write is a duplicate, any other write a conflict.
        messageId: randomUUID(),
        ...(replaces === undefined ? {} : { replaces: true }),
        deadlineMs: APPEND_WITHIN_MS,
      })
      if (answer.kind === 'stored' || answer.kind === 'conflict') return answer
      if (answer.kind === 'full') return { kind: 'full' }
      if (answer.kind !== 'unknown')
        throw new ServiceError('bus-unavailable', `${name}: ${answer.kind}`)
      throw new ServiceError(
        'outcome-unknown',
        `NATS did not confirm the change of ${name}, so the change may be stored. Read ${name} before you send the request again.`,
      )
    },
    async purge(subject, seq) {
      const request = JSON.stringify({ filter: subject, seq: seq + 1 })
      await bus.request(`$JS.API.STREAM.PURGE.${stream}`, request, PURGE_WITHIN_MS)
    },
    follow: (receive, { log, ...rest }) =>
      tailStream(bus, {
        ...rest,
        stream,
        from: { readBack: Number.MAX_SAFE_INTEGER },
        receive(message) {
          try {
            receive(message)
          } catch (error) {
            const { subject, streamSeq: seq } = message
            logSkipped(log, error, { subject, seq })
          }
        },
        log,
      }),
  }
}
