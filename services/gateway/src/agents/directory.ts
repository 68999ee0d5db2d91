import type { Agents, StoredAgent } from '@agentfleet/adapters'
import { AGENT_VERSIONS_MAX } from '@agentfleet/protocol'
import { SHIPPED_AGENTS, shippedAgent, type AgentDefinition } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'

/**
 * Every definition of an agent, as stream AGENTS tells of them: what a submission looks into.
 *
 * States: reading (what was stored before the start is not known yet) → current. Invariants: a version
 * is taken in once, whichever way it comes first; of each name the newest versions are held, as many as
 * the stream keeps; a shipped definition is found where its tenant has none of its own.
 */
export interface AgentDirectory {
  /** Takes a version in that this gateway has stored itself. */
  take(agent: StoredAgent): void
  /** The newest version, or this one; undefined when there is none. */
  find(tenant: string, name: string, version?: number): FoundAgent | undefined
  /** The newest version of each name, the shipped ones too, by name. */
  list(tenant: string): FoundAgent[]
  /** Definitions of this tenant's own. */
  count(tenant: string): number
  /** Whether everything stored before the start is known. */
  current(): boolean
  /** Resolves when it is current, or was closed. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

/** A definition as it stands. */
export interface FoundAgent {
  readonly name: string
  /** 0: it is shipped. */
  readonly version: number
  readonly builtIn: boolean
  readonly atMs?: number
  readonly definition: AgentDefinition
}

/** A server that restarts answers again within seconds, milliseconds. */
const RETRY_AFTER_MS = 500

/** Follows AGENTS from its first version on. */
export function followAgents(agents: Pick<Agents, 'follow'>, log: Logger): AgentDirectory {
  const tenants = new Map<string, Map<string, StoredAgent[]>>()
  let current = false
  let closed = false

  const take = (agent: StoredAgent): void => {
    let names = tenants.get(agent.tenant)
    if (names === undefined) tenants.set(agent.tenant, (names = new Map()))
    const known = names.get(agent.name) ?? []
    const last = known.at(-1)
    if (last !== undefined && agent.seq <= last.seq) return
    names.set(agent.name, [...known, agent].slice(-AGENT_VERSIONS_MAX))
  }
  const tail = agents.follow(take, log)
  const read = async (): Promise<void> => {
    while (!current && !closed) {
      try {
        await tail.caughtUp()
        current = true
      } catch (error) {
        log.warn({ err: error }, 'definitions of agents not read yet, trying again')
        await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS).unref())
      }
    }
  }
  const caughtUp = read()

  const find: AgentDirectory['find'] = (tenant, name, version) => {
    const versions = tenants.get(tenant)?.get(name) ?? []
    if (version !== undefined) return found(versions.find((each) => each.version === version))
    return found(versions.at(-1)) ?? shipped(name)
  }

  return {
    take,
    find,
    list(tenant) {
      const names = new Set([
        ...Object.keys(SHIPPED_AGENTS),
        ...(tenants.get(tenant)?.keys() ?? []),
      ])
      return [...names].sort().flatMap((name) => find(tenant, name) ?? [])
    },
    count(tenant) {
      const all = [...(tenants.get(tenant)?.values() ?? [])]
      return all.filter((versions) => versions.at(-1)?.definition !== undefined).length
    },
    current: () => current,
    caughtUp: () => caughtUp,
    async close() {
      closed = true
      await tail.close()
    },
  }
}

/** A stored version as it is found; undefined when it is none or a removal. */
export function found(agent: StoredAgent | undefined): FoundAgent | undefined {
  if (agent?.definition === undefined) return undefined
  const { name, version, atMs, definition } = agent
  return { name, version, atMs, definition, builtIn: false }
}

function shipped(name: string): FoundAgent | undefined {
  const definition = shippedAgent(name)
  return definition === undefined ? undefined : { name, version: 0, builtIn: true, definition }
}
