import type { AgentDefinition } from '@agentfleet/domain'
import type { AgentDirectory } from './directory.ts'

/** The agents that a tenant's goals may use: its own definitions, then the built-in definitions. */
export type Team = ReturnType<typeof teamOf>

/** More agents than a planner can tell apart; a goal can name others in `roles`. */
const NAMES_MAX = 50

/** Creates the team from this directory. */
export function teamOf(directory: Pick<AgentDirectory, 'list' | 'find'>) {
  return {
    names: (tenant: string): readonly string[] =>
      [...directory.list(tenant)]
        .sort((a, b) => Number(a.builtIn) - Number(b.builtIn))
        .slice(0, NAMES_MAX)
        .map(({ name }) => name),
    /** Returns the tenant's own definition; undefined if the agent is built in. */
    own(tenant: string, name: string): AgentDefinition | undefined {
      const agent = directory.find(tenant, name)
      return agent === undefined || agent.builtIn ? undefined : agent.definition
    },
  }
}
