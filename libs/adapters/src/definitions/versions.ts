import { randomUUID } from 'node:crypto'
import { given } from '@agentfleet/domain'
import { ServiceError } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import { createAppender } from '../log/appends.ts'
import { logSkipped } from '../log/formats.ts'
import { readMessage } from '../log/stream-reads.ts'
import { tailStream, type StreamTail } from '../log/stream-tail.ts'
import type { PulledMessage } from '../pointers/pull.ts'

/** The result of storing a version. `conflict`: another writer was first. `full`: the stream has no room. */
export type VersionOutcome =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'conflict' | 'full' }

/** A version to store; `name` is for errors. */
interface Version {
  readonly subject: string
  readonly data: string
  readonly name: string
}

/** A stream of definitions. */
export type Versions = ReturnType<typeof openVersions>

const APPEND_WITHIN_MS = 5_000
const PURGE_WITHIN_MS = 5_000

/**
 * Works on a stream of definitions: one subject for each, whose newest message counts. `replaces`: a version removes
 * the older ones of its subject (`NEWEST_ONLY` in the stream's configuration).
 */
export function openVersions(bus: Bus, stream: string, replaces?: 'replaces') {
  const appender = createAppender(bus)
  return {
    last: (subject: string) => readMessage(bus, stream, { last_by_subj: subject }),
    /**
     * Stores a version behind the one at `expectSeq` (0: none; undefined: behind any version). Throws
     * `outcome-unknown` when the server has not confirmed the write, and `bus-unavailable` when it has refused it.
     */
    async store(version: Version, expectSeq: number | undefined): Promise<VersionOutcome> {
      const { subject, data, name } = version
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
    /** Purges the messages of a subject up to this sequence. */
    async purge(subject: string, seq: number): Promise<void> {
      const request = JSON.stringify({ filter: subject, seq: seq + 1 })
      await bus.request(`$JS.API.STREAM.PURGE.${stream}`, request, PURGE_WITHIN_MS)
    },
    /**
     * Reads stored versions, then new ones, in order; skips with a log line what `receive` throws at. Calls `replaced`
     * before it reads another stream from its beginning.
     */
    follow: (
      receive: (message: PulledMessage) => void,
      log: Logger,
      replaced?: () => void,
    ): StreamTail =>
      tailStream(bus, {
        ...given({ replaced }),
        stream,
        from: { readBack: Number.MAX_SAFE_INTEGER },
        receive(message) {
          try {
            receive(message)
          } catch (error) {
            const { subject, seq } = message
            logSkipped(log, error, { subject, seq })
          }
        },
        log,
      }),
  }
}
