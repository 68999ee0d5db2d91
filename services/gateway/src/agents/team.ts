import type { AgentDefinition } from '@agentfleet/domain'
import type { AgentDirectory } from './directory.ts'

/** The agents that a tenant's goals can have: its own definitions before those that are shipped. */
export interface Team {
  names(tenant: string): readonly string[]
  /** A definition of the tenant's own; undefined for a shipped one. */
  own(tenant: string, name: string): AgentDefinition | undefined
}

/** More agents than a planner can tell apart; whoever has more names those that it wants. */
const NAMES_MAX = 50

/** The team out of this directory. */
export function teamOf(directory: Pick<AgentDirectory, 'list' | 'find'>): Team {
  return {
    names: (tenant) =>
      [...directory.list(tenant)]
        .sort((a, b) => Number(a.builtIn) - Number(b.builtIn))
        .slice(0, NAMES_MAX)
        .map(({ name }) => name),
    own(tenant, name) {
      const agent = directory.find(tenant, name)
      return agent === undefined || agent.builtIn ? undefined : agent.definition
    },
  }
}
