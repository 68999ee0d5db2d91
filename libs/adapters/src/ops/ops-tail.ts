import {
  CHANNELS,
  decisionSchema,
  incidentSchema,
  outcomeOfDecisionSchema,
  STREAMS,
  SUBJECTS,
  type Decision,
  type DecisionOutcome,
  type Incident,
} from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import type { Logger } from '@agentfleet/runtime'
import type { PulledMessage } from '../pointers/pull.ts'
import { tailStream } from '../log/stream-tail.ts'

/** One record of the control plane. */
export type OpsEntry = { readonly seq: number; readonly bytes: number } & (
  | { readonly kind: 'decision'; readonly decision: Decision }
  | { readonly kind: 'outcome'; readonly outcome: DecisionOutcome }
  | { readonly kind: 'incident'; readonly incident: Incident }
)

/** A running tail of OPS. */
export interface OpsTail {
  /** Resolves when everything stored at the time of the call has been handed on. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

/**
 * Reads OPS from its end on: decisions with their outcomes from this many stored messages back, and all
 * incidents, since incidents are few. Skips unreadable records with a log line. After a stream was replaced
 * some records may arrive twice.
 */
export function tailOps(
  bus: Bus,
  options: {
    readonly readBack: number
    readonly receive: (entry: OpsEntry) => void
    readonly log: Logger
  },
): OpsTail {
  const { log, readBack } = options
  const receive = (message: PulledMessage): void => {
    const entry = readEntry(message, log)
    if (entry !== undefined) options.receive(entry)
  }
  const shared = { stream: STREAMS.ops, receive, log }
  const decided = [SUBJECTS.allDecisions, SUBJECTS.allOutcomes]
  const tails = [
    tailStream(bus, { ...shared, filters: decided, from: { readBack } }),
    tailStream(bus, {
      ...shared,
      filters: [SUBJECTS.allIncidents],
      from: { readBack: Number.MAX_SAFE_INTEGER },
    }),
  ]
  return {
    async caughtUp() {
      await Promise.all(tails.map((tail) => tail.caughtUp()))
    },
    async close() {
      await Promise.all(tails.map((tail) => tail.close()))
    },
  }
}

function readEntry(message: PulledMessage, log: Logger): OpsEntry | undefined {
  const { subject, text, bytes, streamSeq: seq } = message
  try {
    // A decision with all its options takes a few kB; a much larger record is not kept in memory.
    const { bytesMax } = CHANNELS.decision
    if (bytes > bytesMax) throw new RangeError(`${bytes} bytes, more than ${bytesMax}`)
    return parseEntry(subject, JSON.parse(text), { seq, bytes })
  } catch (error) {
    log.warn(
      { err: error, subject, seq },
      'The process skipped a record of the stream OPS that it cannot read',
    )
    return undefined
  }
}

function parseEntry(
  subject: string,
  value: unknown,
  stored: Pick<OpsEntry, 'seq' | 'bytes'>,
): OpsEntry | undefined {
  switch (subject.split('.')[1] ?? '') {
    case 'decision':
      return { kind: 'decision', decision: decisionSchema.parse(value), ...stored }
    case 'outcome':
      return { kind: 'outcome', outcome: outcomeOfDecisionSchema.parse(value), ...stored }
    case 'incident':
      return { kind: 'incident', incident: incidentSchema.parse(value), ...stored }
    default:
      return undefined
  }
}
