import {
  given,
  limitOf,
  shippedAgent,
  type AgentDefinition,
  type TenantLimits,
} from '@agentfleet/domain'
import {
  hashSpec,
  type AgentDefinitionView,
  type AgentList,
  type AgentSummary,
  type AgentVersions,
  type AgentView,
} from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { DefinitionChecks } from './checks.ts'
import { createAgentChange, full, type AgentChangeDeps } from './changes.ts'
import { found, type FoundAgent } from './directory.ts'
import { Refusal } from '../http/problems.ts'
import { requireAllAgents } from '../principals/allowed-agents.ts'
import { etagOf } from './versions.ts'
import { isoTime } from '../tasks/views.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'

interface AgentRouteDeps extends AgentChangeDeps {
  readonly checks: DefinitionChecks
  readonly limits: TenantLimits
}

const AGENT_NOT_FOUND = new Refusal(
  'agent-not-found',
  'No agent has this name, or the agent has no such version. GET /v1/agents lists the names; the fleet keeps the latest 20 versions of each agent.',
)

/**
 * Creates the handlers of `/v1/agents…` by operationId. Reads use the directory of this gateway; a
 * write compares with the stored version (L2).
 */
export function agentRoutes(deps: AgentRouteDeps) {
  const { directory, checks, limits } = deps
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name

  const change = createAgentChange(deps)

  return {
    listAgents: async ({ tenant }: FastifyRequest): Promise<AgentList> => ({
      agents: directory.list(tenant).map(agentSummary),
    }),
    async getAgent(request: FastifyRequest, reply: FastifyReply): Promise<AgentView> {
      const { version } = request.query as { version?: number }
      const agent = directory.find(request.tenant, nameOf(request), version)
      if (agent === undefined) throw AGENT_NOT_FOUND
      void reply.header('etag', etagOf(agent.version))
      return agentView(agent)
    },
    async putAgent(request: FastifyRequest, reply: FastifyReply) {
      requireAllAgents(request.principal)
      const definition = request.body as AgentDefinitionView
      await checks.definition(definition, request.tenant)
      const { before, after } = await change(request, nameOf(request), (last) => {
        const had = found(last)
        if (had !== undefined && hashSpec(had.definition) === hashSpec(definition)) return 'nothing'
        const most = limitOf(limits, request.tenant).agents ?? DEFAULT_LIMITS.agents
        if (had === undefined && directory.count(request.tenant) >= most) {
          throw full(`You have ${most} definitions, the most allowed. Delete a definition first`)
        }
        return definition as AgentDefinition
      })
      const agent = found(after)
      if (agent === undefined) throw AGENT_NOT_FOUND
      const status = found(before) === undefined ? 201 : 200
      return reply.code(status).header('etag', etagOf(agent.version)).send(agentView(agent))
    },
    async listAgentVersions(request: FastifyRequest): Promise<AgentVersions> {
      const versions = directory.versions(request.tenant, nameOf(request))
      if (versions.length === 0) throw AGENT_NOT_FOUND
      return { versions: versions.map(agentView) }
    },
    async deleteAgent(request: FastifyRequest, reply: FastifyReply) {
      requireAllAgents(request.principal)
      await change(request, nameOf(request), (last) => {
        if (found(last) !== undefined) return 'removed'
        if (shippedAgent(nameOf(request)) === undefined) return 'nothing'
        throw new Refusal(
          'agent-shipped',
          'This agent is built in and cannot be deleted. To change a built-in agent, PUT your own definition with its name.',
        )
      })
      return reply.code(204).send()
    },
  }
}

function agentView({ name, version, builtIn, atMs, definition }: FoundAgent): AgentView {
  return {
    name,
    version,
    builtIn,
    ...(atMs === undefined ? {} : { updatedAt: isoTime(atMs) }),
    definition: definition as AgentDefinitionView,
  }
}

function agentSummary(agent: FoundAgent): AgentSummary {
  const { definition, ...rest } = agentView(agent)
  const { role, description, model } = definition
  return { ...rest, ...given({ role, description, model }) }
}
