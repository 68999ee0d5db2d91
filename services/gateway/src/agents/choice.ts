import type { Agents } from '@agentfleet/adapters'
import { DEFINITION_NAME, definitionNameOf } from '@agentfleet/domain'
import type { FilledTaskRequest } from '@agentfleet/protocol'
import type { DefinitionChecks } from './checks.ts'
import { found, type AgentDirectory, type FoundAgent } from './directory.ts'
import { meant, Refusal, shown, wrongField } from '../http/problems.ts'
import { DEFAULT_AGENT, type FoundDefinition } from '../tasks/spec.ts'

/** Finds the agent definition for a submission. */
export type AgentChoice = ReturnType<typeof createAgentChoice>

const NOT_READ = new Refusal(
  'bus-unavailable',
  'The gateway has not read the agent definitions yet. Send the request again after Retry-After seconds.',
)

/** Chooses from this directory; reads the stream only if the directory lacks a version. */
export function createAgentChoice(deps: {
  directory: AgentDirectory
  agents: Pick<Agents, 'last'>
  checks: DefinitionChecks
}) {
  const { directory, agents, checks } = deps

  /** Finds a version that another gateway has just stored and that this gateway has not received yet. */
  async function late(tenant: string, name: string, version: number): Promise<FoundDefinition> {
    const stored = await agents.last(tenant, name)
    if (stored !== undefined) directory.take(stored)
    const agent = directory.find(tenant, name, version) ?? found(stored)
    if (agent?.version === version) return definitionOf(agent)
    throw new Refusal(
      'unknown-agent-version',
      `${name} has no version ${version}. Correct agentVersion, or omit it to use the newest version.`,
      [{ pointer: '/agentVersion', detail: `${name} has no version ${version}` }],
    )
  }

  /** Finds a name that another gateway may have just stored; otherwise throws a Refusal. */
  async function lateName(tenant: string, name: string): Promise<FoundDefinition> {
    const stored = DEFINITION_NAME.test(name) ? await agents.last(tenant, name) : undefined
    if (stored !== undefined) directory.take(stored)
    const agent = directory.find(tenant, name)
    if (agent !== undefined) return definitionOf(agent)
    const known = directory.list(tenant).map((each) => each.name)
    throw unknownAgent(name, known)
  }

  function choose(
    tenant: string,
    request: FilledTaskRequest,
  ): FoundDefinition | undefined | Promise<FoundDefinition> {
    const { agent, agentVersion, agentDefinition } = request
    if (agentDefinition !== undefined) {
      if (agentVersion !== undefined) {
        const detail = 'must be omitted together with agentDefinition, which has no versions'
        throw wrongField('/agentVersion', detail)
      }
      return { definition: agentDefinition as FoundDefinition['definition'] }
    }
    if (agent === undefined && agentVersion === undefined) return undefined
    if (!directory.current()) throw NOT_READ
    const name = definitionNameOf(agent ?? '')
    if (agentVersion !== undefined && !DEFINITION_NAME.test(name)) {
      throw new Refusal(
        'unknown-agent-version',
        'Set agent to the name of a defined agent, or omit agentVersion.',
        [{ pointer: '/agent', detail: 'must name a defined agent if agentVersion is given' }],
      )
    }
    const known = directory.find(tenant, name, agentVersion)
    if (known !== undefined) return definitionOf(known)
    if (agentVersion !== undefined) return late(tenant, name, agentVersion)
    return name === DEFAULT_AGENT ? undefined : lateName(tenant, name)
  }

  async function checked(tenant: string, request: FilledTaskRequest) {
    const { responseSchema, agentDefinition } = request
    if (responseSchema !== undefined) {
      await checks.responseSchema(responseSchema, tenant, '/responseSchema')
    }
    if (agentDefinition !== undefined)
      await checks.definition(agentDefinition, tenant, '/agentDefinition')
    return choose(tenant, request)
  }

  return {
    /** Returns undefined for a task that names no agent or the default one. Throws a Refusal. */
    definitionFor(tenant: string, request: FilledTaskRequest) {
      const { responseSchema, agentDefinition } = request
      const bringsSchema = responseSchema ?? agentDefinition?.responseSchema
      return bringsSchema === undefined ? choose(tenant, request) : checked(tenant, request)
    },
  }
}

function definitionOf({ definition, name, version }: FoundAgent): FoundDefinition {
  return { definition, ref: { name, version } }
}

/** Creates the refusal of an undefined name; it lists the defined ones. */
export function unknownAgent(name: string, known: readonly string[], pointer = '/agent'): Refusal {
  const detail = `No agent has the name ${name}.${meant([name], known)} Use one of the agents ${shown(known)}, or define ${name} with PUT /v1/agents/${name}.`
  return new Refusal('unknown-agent', detail, [
    { pointer, detail: `no agent has the name ${name}` },
  ])
}
