import { randomUUID } from 'node:crypto'
import type { AgentDefinition } from '@agentfleet/domain'
import {
  agentVersionSchema,
  fromStored,
  ServiceError,
  STREAMS,
  SUBJECTS,
  toStored,
} from '@agentfleet/protocol'
import { createAppender } from '../log/appends.ts'
import type { Bus } from '../bus/bus.ts'
import type { Logger } from '@agentfleet/runtime'
import type { PulledMessage } from '../pointers/pull.ts'
import { readMessage } from '../log/stream-reads.ts'
import { tailStream } from '../log/stream-tail.ts'

/** One version of a tenant's definition of an agent, as stream AGENTS holds it. */
export interface StoredAgent {
  readonly tenant: string
  readonly name: string
  readonly version: number
  readonly atMs: number
  /** Absent: this version removed the definition. */
  readonly definition?: AgentDefinition
  /** Sequence in the stream; each version is written behind the one before it. */
  readonly seq: number
}

/** Definitions of agents: one subject of AGENTS for each, one message for each version. */
export interface Agents {
  /** The newest version, which may be a removal. */
  last(tenant: string, name: string): Promise<StoredAgent | undefined>
  /** Stores a version behind the one at `expectSeq` (0: none); conflict: another writer was first. */
  store(
    agent: Omit<StoredAgent, 'seq'>,
    expectSeq: number,
  ): Promise<
    { readonly kind: 'stored'; readonly seq: number } | { readonly kind: 'conflict' | 'full' }
  >
  /** Reads every stored version, then new versions as they arrive, in order. */
  follow(receive: (agent: StoredAgent) => void, log: Logger): AgentTail
}

/** A running reader of AGENTS. */
export interface AgentTail {
  /** Resolves when everything stored at the time of the call has been handed on. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

const APPEND_WITHIN_MS = 5_000

/** Works on AGENTS over this connection. */
export function openAgents(bus: Bus): Agents {
  const appender = createAppender(bus)
  return {
    async last(tenant, name) {
      const subject = SUBJECTS.agent(tenant, name)
      const message = await readMessage(bus, STREAMS.agents, { last_by_subj: subject })
      return message === undefined ? undefined : readAgent(subject, message.text, message.seq)
    },
    async store({ tenant, name, ...version }, expectSeq) {
      const answer = await appender.append({
        subject: SUBJECTS.agent(tenant, name),
        data: toStored(version, 'definition'),
        expectSeq,
        // A repeat of the same write is a duplicate, any other write a conflict.
        messageId: randomUUID(),
        deadlineMs: APPEND_WITHIN_MS,
      })
      if (answer.kind === 'stored' || answer.kind === 'conflict') return answer
      if (answer.kind === 'full') return { kind: 'full' }
      throw new ServiceError('bus-unavailable', `the definition of ${name}: ${answer.kind}`)
    },
    follow(receive, log) {
      return tailStream(bus, {
        stream: STREAMS.agents,
        from: { readBack: Number.MAX_SAFE_INTEGER },
        receive(message: PulledMessage) {
          const { subject, text, streamSeq } = message
          try {
            receive(readAgent(subject, text, streamSeq))
          } catch (error) {
            log.warn(
              { err: error, subject, seq: streamSeq },
              'The gateway skipped an agent definition that it cannot read',
            )
          }
        },
        log,
      })
    },
  }
}

function readAgent(subject: string, text: string, seq: number): StoredAgent {
  const [, tenant = '', name = ''] = subject.split('.')
  return { ...agentVersionSchema.parse(fromStored(text, 'definition')), tenant, name, seq }
}
