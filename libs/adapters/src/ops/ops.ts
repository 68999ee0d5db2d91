import { randomUUID } from 'node:crypto'
import { given } from '@agentfleet/domain'
import {
  type Decision,
  decisionSchema,
  type Incident,
  incidentSchema,
  ServiceError,
  STREAMS,
  SUBJECTS,
  type Death,
  deathSchema,
} from '@agentfleet/protocol'
import { createAppender } from '../log/appends.ts'
import type { Bus } from '../bus/bus.ts'
import { readMessage } from '../log/stream-reads.ts'

/** Deaths, decisions and incidents: the actions of the control plane, on stream OPS. */
export interface Ops {
  /** The last death of a node, and the sequence that the next one must expect. */
  lastDeath(nodeId: string): Promise<{ death: Death; seq: number } | undefined>
  /** Declares a node dead; an incarnation is declared dead once, however many monitors run. */
  declareDead(death: Death): Promise<'given' | 'already-given'>
  /** The last decision that a service recorded. */
  lastDecision(service: string): Promise<Decision | undefined>
  /** The last record of an incident, if readable, and the sequence that the next one must expect. */
  lastIncident(id: string): Promise<{ incident?: Incident; seq: number }>
  /** Writes an incident again; undefined when another process has written it since `expectSeq`. */
  writeIncident(incident: Incident, expectSeq: number): Promise<number | undefined>
  /**
   * Records of incidents behind a sequence, oldest first, at most `max`; from the recent past when none is
   * given. `seq` is where the next call starts; `more`: there may be others behind it.
   */
  incidentsAfter(
    seq: number | undefined,
    max: number,
  ): Promise<{ incidents: Incident[]; seq: number; more: boolean }>
  /** The learned state that a service stored last, unread. */
  lastState(service: string): Promise<unknown>
  /** Decisions that a service recorded, from a sequence on, oldest first and at most this many. */
  decisionsFrom(service: string, seq: number, max: number): Promise<readonly RecordedDecision[]>
  /**
   * Records an action of the control plane; waits for the server, which returns the sequence. Of several
   * records with one message id within seconds, the server keeps the first.
   */
  record(subject: string, entry: object, messageId?: string): Promise<number>
}

/** A decision and where it is stored. */
export interface RecordedDecision {
  readonly seq: number
  readonly decision: Decision
}

const APPEND_WITHIN_MS = 5_000
/** Messages of OPS that make up the recent past: more than ten minutes of a busy control plane. */
const RECENT_MESSAGES = 5_000

/** Works on OPS over this connection. */
export function openOps(bus: Bus): Ops {
  const appender = createAppender(bus)
  const last = (subject: string) => readMessage(bus, STREAMS.ops, { last_by_subj: subject })
  const lastDeath: Ops['lastDeath'] = async (nodeId) => {
    const message = await last(SUBJECTS.opsNode(nodeId))
    if (message === undefined) return undefined
    return { death: deathSchema.parse(JSON.parse(message.text)), seq: message.seq }
  }
  const append = async (subject: string, entry: object, expectSeq?: number, messageId?: string) => {
    const answer = await appender.append({
      subject,
      data: JSON.stringify(entry),
      deadlineMs: APPEND_WITHIN_MS,
      ...given({ expectSeq, messageId }),
    })
    if (answer.kind === 'stored' || answer.kind === 'conflict') return answer
    throw new ServiceError('bus-unavailable', `${subject}: ${answer.kind}`)
  }
  return {
    lastDeath,
    async declareDead(death) {
      const before = await lastDeath(death.nodeId)
      if (before !== undefined && before.death.incarnation >= death.incarnation) {
        return 'already-given'
      }
      const messageId = `${death.nodeId}.${death.incarnation}`
      const subject = SUBJECTS.opsNode(death.nodeId)
      const answer = await append(subject, death, before?.seq ?? 0, messageId)
      return answer.kind === 'stored' && !answer.duplicate ? 'given' : 'already-given'
    },
    async lastDecision(service) {
      const message = await last(SUBJECTS.opsDecision(service))
      return message === undefined ? undefined : decisionSchema.parse(JSON.parse(message.text))
    },
    async lastIncident(incidentId) {
      const message = await last(SUBJECTS.opsIncident(incidentId))
      if (message === undefined) return { seq: 0 }
      const { data } = incidentSchema.safeParse(JSON.parse(message.text))
      return { ...given({ incident: data }), seq: message.seq }
    },
    async writeIncident(incident, expectSeq) {
      // A repeat of the same write is a duplicate, any other write a conflict.
      const messageId = randomUUID()
      const answer = await append(SUBJECTS.opsIncident(incident.id), incident, expectSeq, messageId)
      return answer.kind === 'stored' ? answer.seq : undefined
    },
    incidentsAfter: (seq, max) => incidentsAfter(bus, seq, max),
    async lastState(service) {
      const message = await last(SUBJECTS.opsState(service))
      return message === undefined ? undefined : JSON.parse(message.text)
    },
    async decisionsFrom(service, from, max) {
      const found: RecordedDecision[] = []
      const subject = SUBJECTS.opsDecision(service)
      for (let seq = Math.max(1, from); found.length < max;) {
        const message = await readMessage(bus, STREAMS.ops, { seq, next_by_subj: subject })
        if (message === undefined) break
        const decision = decisionSchema.parse(JSON.parse(message.text))
        found.push({ seq: message.seq, decision })
        seq = message.seq + 1
      }
      return found
    },
    async record(subject, entry, messageId) {
      const answer = await append(subject, entry, undefined, messageId)
      return answer.kind === 'stored' ? answer.seq : 0
    },
  }
}

async function incidentsAfter(
  bus: Bus,
  after: number | undefined,
  max: number,
): ReturnType<Ops['incidentsAfter']> {
  const filter = SUBJECTS.allIncidents
  let seq = after
  if (seq === undefined) {
    const last = await readMessage(bus, STREAMS.ops, { last_by_subj: filter })
    if (last === undefined) return { incidents: [], seq: 0, more: false }
    seq = Math.max(0, last.seq - RECENT_MESSAGES)
  }
  const incidents: Incident[] = []
  for (let reads = 0; reads < max; reads += 1) {
    const message = await readMessage(bus, STREAMS.ops, { seq: seq + 1, next_by_subj: filter })
    if (message === undefined) return { incidents, seq, more: false }
    seq = message.seq
    const { data } = incidentSchema.safeParse(JSON.parse(message.text))
    if (data !== undefined) incidents.push(data)
  }
  return { incidents, seq, more: true }
}
