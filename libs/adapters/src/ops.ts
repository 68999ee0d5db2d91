import {
  type Decision,
  decisionSchema,
  ServiceError,
  STREAMS,
  SUBJECTS,
  type Verdict,
  verdictSchema,
} from '@agentfleet/protocol'
import { createAppender } from './appends.ts'
import type { Bus } from './bus.ts'
import { readMessage } from './stream-reads.ts'

/** Verdicts, decisions and incidents: what the control plane did, on stream OPS. */
export interface Ops {
  /** The last verdict on a node, with the sequence a next one has to expect. */
  lastVerdict(nodeId: string): Promise<{ verdict: Verdict; seq: number } | undefined>
  /** Gives a verdict; one incarnation dies once, however many monitors run. */
  giveVerdict(verdict: Verdict): Promise<'given' | 'already-given'>
  /** The last decision that a service recorded. */
  lastDecision(service: string): Promise<Decision | undefined>
  /** Records something that is only read by people; waits for the server. */
  record(subject: string, entry: object): Promise<void>
}

const APPEND_WITHIN_MS = 5_000

/** Works on OPS over this connection. */
export function openOps(bus: Bus): Ops {
  const appender = createAppender(bus)
  const lastVerdict: Ops['lastVerdict'] = async (nodeId) => {
    const subject = SUBJECTS.opsNode(nodeId)
    const message = await readMessage(bus, STREAMS.ops, { last_by_subj: subject })
    if (message === undefined) return undefined
    return { verdict: verdictSchema.parse(JSON.parse(message.text)), seq: message.seq }
  }
  const append = async (subject: string, entry: object, expectSeq?: number, messageId?: string) => {
    const answer = await appender.append({
      subject,
      data: JSON.stringify(entry),
      deadlineMs: APPEND_WITHIN_MS,
      ...(expectSeq === undefined ? {} : { expectSeq }),
      ...(messageId === undefined ? {} : { messageId }),
    })
    if (answer.kind === 'stored' || answer.kind === 'conflict') return answer
    throw new ServiceError('bus-unavailable', `${subject}: ${answer.kind}`)
  }
  return {
    lastVerdict,
    async giveVerdict(verdict) {
      const last = await lastVerdict(verdict.nodeId)
      if (last !== undefined && last.verdict.incarnation >= verdict.incarnation) {
        return 'already-given'
      }
      const messageId = `${verdict.nodeId}.${verdict.incarnation}`
      const subject = SUBJECTS.opsNode(verdict.nodeId)
      const answer = await append(subject, verdict, last?.seq ?? 0, messageId)
      return answer.kind === 'stored' && !answer.duplicate ? 'given' : 'already-given'
    },
    async lastDecision(service) {
      const query = { last_by_subj: SUBJECTS.opsDecision(service) }
      const message = await readMessage(bus, STREAMS.ops, query)
      return message === undefined ? undefined : decisionSchema.parse(JSON.parse(message.text))
    },
    async record(subject, entry) {
      await append(subject, entry)
    },
  }
}
