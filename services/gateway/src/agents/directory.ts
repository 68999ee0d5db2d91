import type { Agents, StoredAgent } from '@agentfleet/adapters'
import { AGENT_VERSIONS_MAX } from '@agentfleet/protocol'
import { SHIPPED_AGENTS, shippedAgent, type AgentDefinition } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'
import { readTail } from '../stream/read-tail.ts'

/**
 * All agent definitions on the stream AGENTS, for looking up at submission.
 *
 * States: reading (definitions stored before the start are still missing) → current. Invariants: each version
 * is added once, no matter through which path it arrives first; for each name the directory holds as many of
 * the newest versions as the stream keeps; a tenant without its own definition gets the built-in one.
 */
export type AgentDirectory = ReturnType<typeof followAgents>

/** An agent definition with its name and version. */
export interface FoundAgent {
  readonly name: string
  /** 0 marks a built-in definition. */
  readonly version: number
  readonly builtIn: boolean
  readonly atMs?: number
  readonly definition: AgentDefinition
}

/** Follows AGENTS from its first message on. */
export function followAgents(agents: Pick<Agents, 'follow'>, log: Logger) {
  const tenants = new Map<string, Map<string, StoredAgent[]>>()
  const bytes = new Map<string, number>()
  let allBytes = 0

  /** Adds a version that this gateway has just stored, or that another one has stored. */
  const take = (agent: StoredAgent): void => {
    let names = tenants.get(agent.tenant)
    if (names === undefined) tenants.set(agent.tenant, (names = new Map()))
    const known = names.get(agent.name) ?? []
    const last = known.at(-1)
    if (last !== undefined && agent.seq <= last.seq) return
    const kept = [...known, agent].slice(-AGENT_VERSIONS_MAX)
    const left = kept.length > known.length ? undefined : known[0]
    const more = agentBytes(agent) - (left === undefined ? 0 : agentBytes(left))
    allBytes += more
    bytes.set(agent.tenant, (bytes.get(agent.tenant) ?? 0) + more)
    names.set(agent.name, kept)
  }
  const forgetAll = (): void => {
    tenants.clear()
    bytes.clear()
    allBytes = 0
    tail.again()
  }
  const tail = readTail(agents.follow(take, log, forgetAll), 'agent definitions', log)

  /** Returns the newest version, or the given one; undefined if it does not exist. */
  function find(tenant: string, name: string, version?: number): FoundAgent | undefined {
    const versions = tenants.get(tenant)?.get(name) ?? []
    if (version !== undefined) return found(versions.find((each) => each.version === version))
    return found(versions.at(-1)) ?? shipped(name)
  }

  return {
    take,
    find,
    /** Returns the known versions of a name, newest first; the built-in one comes last. */
    versions(tenant: string, name: string): FoundAgent[] {
      const own = (tenants.get(tenant)?.get(name) ?? []).toReversed()
      return [...own.map(found), shipped(name)].filter((agent) => agent !== undefined)
    },
    /** Returns the newest version of each definition, including the built-in definitions, sorted by name. */
    list(tenant: string): FoundAgent[] {
      const names = new Set([
        ...Object.keys(SHIPPED_AGENTS),
        ...(tenants.get(tenant)?.keys() ?? []),
      ])
      return [...names].sort().flatMap((name) => find(tenant, name) ?? [])
    },
    /** Returns the number of the tenant's own definitions. */
    count(tenant: string): number {
      const all = [...(tenants.get(tenant)?.values() ?? [])]
      return all.filter((versions) => versions.at(-1)?.definition !== undefined).length
    },
    /** Returns the bytes of the tenant's versions, and of those of all tenants. */
    bytes: (tenant: string) => ({ own: bytes.get(tenant) ?? 0, all: allBytes }),
    ...tail,
  }
}

/** Subject, headers and frame of a stored version, bytes. */
const FRAME_BYTES = 250

/** Returns what a version takes in the stream, in the form that is written there: a character may take six bytes. */
export function agentBytes({ definition }: Pick<StoredAgent, 'definition'>): number {
  if (definition === undefined) return FRAME_BYTES
  return Buffer.byteLength(JSON.stringify(definition)) + FRAME_BYTES
}

/** Converts a stored version; returns undefined if it is absent or marks a deletion. */
export function found(agent: StoredAgent | undefined): FoundAgent | undefined {
  if (agent?.definition === undefined) return undefined
  const { name, version, atMs, definition } = agent
  return { name, version, atMs, definition, builtIn: false }
}

function shipped(name: string): FoundAgent | undefined {
  const definition = shippedAgent(name)
  return definition === undefined ? undefined : { name, version: 0, builtIn: true, definition }
}
