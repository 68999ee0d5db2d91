import {
  CHANNELS,
  STREAMS,
  SUBJECTS,
  type Decision,
  type DecisionOutcome,
  type Incident,
  type StoredChannel,
} from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import type { Logger } from '@agentfleet/runtime'
import type { PulledMessage } from '../pointers/pull.ts'
import { readOrSkip } from '../log/formats.ts'
import { tailStream, type StreamTail } from '../log/stream-tail.ts'

/** One record of the control plane. */
export type OpsEntry = { readonly seq: number; readonly bytes: number } & (
  | { readonly kind: 'decision'; readonly decision: Decision }
  | { readonly kind: 'outcome'; readonly outcome: DecisionOutcome }
  | { readonly kind: 'incident'; readonly incident: Incident }
)

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
): Pick<StreamTail, 'caughtUp' | 'close'> {
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
  const { subject, bytes, seq } = message
  const read = <T>(channel: StoredChannel<T>): T | undefined => readOrSkip(log, channel, message)
  switch (subject.split('.')[1] ?? '') {
    case 'decision': {
      const decision = read(CHANNELS.decision)
      return decision && { kind: 'decision', decision, seq, bytes }
    }
    case 'outcome': {
      const outcome = read(CHANNELS.outcome)
      return outcome && { kind: 'outcome', outcome, seq, bytes }
    }
    case 'incident': {
      const incident = read(CHANNELS.incident)
      return incident && { kind: 'incident', incident, seq, bytes }
    }
    default:
      return undefined
  }
}
