import { randomUUID } from 'node:crypto'
import { given } from '@agentfleet/domain'
import {
  CHANNELS,
  type Decision,
  type Incident,
  ServiceError,
  type StoredChannel,
  STREAMS,
  SUBJECTS,
  toStored,
  type Death,
} from '@agentfleet/protocol'
import { createAppender } from '../log/appends.ts'
import type { Bus } from '../bus/bus.ts'
import { readOrSkip } from '../log/formats.ts'
import { readMessage, streamFill } from '../log/stream-reads.ts'

/**
 * Deaths, decisions and incidents: the actions of the control plane, on stream OPS. Readers skip a record that this
 * release cannot read, with a log line; the next record of its subject takes its place.
 */
export interface Ops {
  /** The last death of a node. */
  lastDeath(nodeId: string): Promise<Death | undefined>
  /** Declares a node dead; an incarnation is declared dead once, however many monitors run. */
  declareDead(death: Death): Promise<'given' | 'already-given'>
  /** The last decision that a service recorded. */
  lastDecision(service: string): Promise<Decision | undefined>
  /** The last record of an incident, and the sequence that the next one must expect. */
  lastIncident(id: string): Promise<{ incident?: Incident; seq: number }>
  /** Writes an incident again; undefined when another process has written it since `expectSeq`. */
  writeIncident(incident: Incident, expectSeq: number): Promise<number | undefined>
  /** Records of incidents behind a sequence, out of at most `max`; from the recent past when none is given. */
  incidentsAfter(seq: number | undefined, max: number): Promise<RecordsPage<Incident>>
  /** The learned state that a service stored last. */
  lastState(service: string): Promise<unknown>
  /** Decisions that a service recorded behind a sequence, out of at most `max` stored ones. */
  decisionsAfter(service: string, seq: number, max: number): Promise<RecordsPage<Decision>>
  /**
   * Records an action of the control plane; waits for the server, which returns the sequence. Of several
   * records with one message id within seconds, the server keeps the first.
   */
  record(subject: string, entry: object, messageId?: string): Promise<number>
}

/** A record and where it is stored. */
export interface Recorded<T> {
  readonly seq: number
  readonly record: T
}

/** Some records, oldest first; `seq` is where the next call starts; `more`: there may be others behind it. */
interface RecordsPage<T> {
  readonly records: readonly Recorded<T>[]
  readonly seq: number
  readonly more: boolean
}

const APPEND_WITHIN_MS = 5_000
/** Messages of OPS that make up the recent past: more than ten minutes of a busy control plane. */
const RECENT_MESSAGES = 5_000

/** Works on OPS over this connection. */
export function openOps(bus: Bus): Ops {
  const appender = createAppender(bus)
  const last = async <T>(channel: StoredChannel<T>, subject: string) => {
    const message = await readMessage(bus, STREAMS.ops, { last_by_subj: subject })
    const record = message && readOrSkip(bus.log, channel, message)
    return { record, seq: message?.seq ?? 0 }
  }
  const append = async (subject: string, entry: object, expectSeq?: number, messageId?: string) => {
    const answer = await appender.append({
      subject,
      data: toStored(entry, 'control-plane record'),
      deadlineMs: APPEND_WITHIN_MS,
      ...given({ expectSeq, messageId }),
    })
    if (answer.kind === 'stored' || answer.kind === 'conflict') return answer
    throw new ServiceError('bus-unavailable', `${subject}: ${answer.kind}`)
  }
  return {
    lastDeath: async (nodeId) => (await last(CHANNELS.death, SUBJECTS.opsNode(nodeId))).record,
    async declareDead(death) {
      const subject = SUBJECTS.opsNode(death.nodeId)
      const { record: before, seq } = await last(CHANNELS.death, subject)
      if (before !== undefined && before.incarnation >= death.incarnation) return 'already-given'
      const messageId = `${death.nodeId}.${death.incarnation}`
      const answer = await append(subject, death, seq, messageId)
      return answer.kind === 'stored' && !answer.duplicate ? 'given' : 'already-given'
    },
    lastDecision: async (service) =>
      (await last(CHANNELS.decision, SUBJECTS.opsDecision(service))).record,
    async lastIncident(incidentId) {
      const { record, seq } = await last(CHANNELS.incident, SUBJECTS.opsIncident(incidentId))
      return { ...given({ incident: record }), seq }
    },
    async writeIncident(incident, expectSeq) {
      // A repeat of the same write is a duplicate, any other write a conflict.
      const messageId = randomUUID()
      const answer = await append(SUBJECTS.opsIncident(incident.id), incident, expectSeq, messageId)
      return answer.kind === 'stored' ? answer.seq : undefined
    },
    async incidentsAfter(seq, max) {
      const all = SUBJECTS.allIncidents
      return recordsAfter(bus, CHANNELS.incident, all, seq ?? (await beforeRecent(bus, all)), max)
    },
    lastState: async (service) => (await last(CHANNELS.state, SUBJECTS.opsState(service))).record,
    decisionsAfter: (service, seq, max) =>
      recordsAfter(bus, CHANNELS.decision, SUBJECTS.opsDecision(service), seq, max),
    async record(subject, entry, messageId) {
      const answer = await append(subject, entry, undefined, messageId)
      return answer.kind === 'stored' ? answer.seq : 0
    },
  }
}

/** Where the recent past of a subject begins. */
async function beforeRecent(bus: Bus, subject: string): Promise<number> {
  const last = await readMessage(bus, STREAMS.ops, { last_by_subj: subject })
  return Math.max(0, (last?.seq ?? 0) - RECENT_MESSAGES)
}

/**
 * The next message of a subject from a sequence on. A stream that ends before the message in front of this sequence is
 * another one than the reader has read, so it is read from its beginning.
 */
async function nextMessage(bus: Bus, subject: string, seq: number) {
  const message = await readMessage(bus, STREAMS.ops, { seq, next_by_subj: subject })
  if (message !== undefined || seq <= 1) return message
  const { lastSeq } = await streamFill(bus, STREAMS.ops)
  if (lastSeq >= seq - 1) return undefined
  return readMessage(bus, STREAMS.ops, { seq: 1, next_by_subj: subject })
}

async function recordsAfter<T>(
  bus: Bus,
  channel: StoredChannel<T>,
  subject: string,
  after: number,
  max: number,
): Promise<RecordsPage<T>> {
  const records: Recorded<T>[] = []
  let seq = after
  for (let reads = 0; reads < max; reads += 1) {
    const message = await nextMessage(bus, subject, seq + 1)
    if (message === undefined) return { records, seq, more: false }
    seq = message.seq
    const record = readOrSkip(bus.log, channel, message)
    if (record !== undefined) records.push({ seq, record })
  }
  return { records, seq, more: true }
}
