import type { AgentDefinition } from '@agentfleet/domain'
import { CHANNELS, requireItem, STREAMS, SUBJECTS, toStored } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import type { StoredMessage } from '../log/stream-reads.ts'
import type { StreamTail } from '../log/stream-tail.ts'
import { openVersions, type VersionOutcome } from './versions.ts'

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
  store(agent: Omit<StoredAgent, 'seq'>, expectSeq: number): Promise<VersionOutcome>
  /** Reads every stored version, then new versions as they arrive, in order; `replaced`: none of them is stored now. */
  follow(receive: (agent: StoredAgent) => void, log: Logger, replaced?: () => void): StreamTail
}

/** Works on AGENTS over this connection. */
export function openAgents(bus: Bus): Agents {
  const versions = openVersions(bus, STREAMS.agents)
  return {
    async last(tenant, name) {
      const message = await versions.last(SUBJECTS.agent(tenant, name))
      return message && readAgent(message)
    },
    store({ tenant, name, ...version }, expectSeq) {
      const subject = SUBJECTS.agent(tenant, name)
      const data = toStored(version, 'definition')
      return versions.store({ subject, data, name: `the definition of ${name}` }, expectSeq)
    },
    follow: (receive, log, replaced) =>
      versions.follow((message) => receive(readAgent(message)), log, replaced),
  }
}

function readAgent({ subject, text, seq }: Pick<StoredMessage, 'subject' | 'text' | 'seq'>) {
  const [, tenant = '', name = ''] = subject.split('.')
  return { ...requireItem(CHANNELS.agent, text), tenant, name, seq }
}
