import { definitionNameOf, mayUseAgent, type Principal } from '@agentfleet/domain'
import type { TaskRequest } from '@agentfleet/protocol'
import { Refusal, shown } from '../http/problems.ts'
import { DEFAULT_AGENT } from '../tasks/spec.ts'

/** The part of a request that says what will run. */
export type AskedAgent = Pick<TaskRequest, 'agent' | 'agentDefinition' | 'systemPrompt' | 'tools'>

/** Throws a Refusal if the caller's key is limited to agents: such a key may not change what any agent does. */
export function requireAllAgents(principal: Principal | undefined): void {
  if (principal?.agents === undefined) return
  throw new Refusal(
    'agent-not-allowed',
    'This key is limited to some agents, so it may not change agent definitions. Use a key without a list of agents.',
  )
}

/**
 * Throws a Refusal if the caller's key is limited to other agents. Such a key may not change what its agents do:
 * a task that brings its own definition, prompt or tools is refused, too.
 */
export function requireAgent(principal: Principal | undefined, asked: AskedAgent): void {
  if (principal?.agents === undefined) return
  const { agent = DEFAULT_AGENT, agentDefinition, systemPrompt, tools } = asked
  const changed = [agentDefinition, systemPrompt, tools].some((part) => part !== undefined)
  if (!changed && mayUseAgent(principal, definitionNameOf(agent))) return
  throw new Refusal(
    'agent-not-allowed',
    `This key may use the agents ${shown(principal.agents)}. Set agent to one of the allowed agents, and omit agentDefinition, systemPrompt and tools.`,
  )
}
