import type { Agents, StoredAgent } from '@agentfleet/adapters'
import {
  given,
  decideShare,
  limitOf,
  shippedAgent,
  type AgentDefinition,
  type TenantLimits,
} from '@agentfleet/domain'
import {
  AGENTS_MAX_BYTES,
  hashSpec,
  type AgentDefinitionView,
  type AgentList,
  type AgentSummary,
  type AgentVersions,
  type AgentView,
} from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { DefinitionChecks } from './checks.ts'
import { agentBytes, found, type AgentDirectory, type FoundAgent } from './directory.ts'
import { Refusal } from '../http/problems.ts'
import { requireAllAgents } from '../principals/allowed-agents.ts'
import { checkVersion, etagOf } from './versions.ts'
import { isoTime } from '../tasks/views.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'

interface AgentRouteDeps {
  readonly directory: AgentDirectory
  readonly agents: Pick<Agents, 'last' | 'store'>
  readonly clock: Clock
  readonly checks: DefinitionChecks
  readonly limits: TenantLimits
  /** Returns how many tenants share the fleet. */
  readonly tenants: () => number
}

/** Definitions may fill this part of the stream, so that deletions always find room. */
const AGENTS_SHARE = 0.9
/** Compare-and-set rounds; two concurrent writers finish within this many. */
const STORE_TRIES = 5

/**
 * Creates the handlers of `/v1/agents…` by operationId. Reads use the directory of this gateway; a
 * write compares with the stored version (L2).
 */
export function agentRoutes(deps: AgentRouteDeps) {
  const { directory, agents, clock, checks, limits, tenants } = deps
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name

  /** Stores the definition that `next` makes from the newest version; `nothing` stores nothing. */
  async function change(
    request: FastifyRequest,
    next: (last: StoredAgent | undefined) => AgentDefinition | 'nothing' | 'removed',
  ): Promise<{ before: StoredAgent | undefined; after: StoredAgent | undefined }> {
    const { tenant, headers } = request
    const name = nameOf(request)
    for (let tries = 0; tries < STORE_TRIES; tries += 1) {
      const before = await agents.last(tenant, name)
      if (before !== undefined) directory.take(before)
      checkVersion(headers, 'definition', found(before)?.version)
      const made = next(before)
      if (made === 'nothing') return { before, after: before }
      if (made !== 'removed') checkShare(tenant, made)
      const agent = {
        tenant,
        name,
        version: (before?.version ?? 0) + 1,
        atMs: clock.nowMs(),
        ...(made === 'removed' ? {} : { definition: made }),
      }
      const outcome = await agents.store(agent, before?.seq ?? 0)
      if (outcome.kind === 'stored') {
        const after = { ...agent, seq: outcome.seq }
        directory.take(after)
        return { before, after }
      }
      if (outcome.kind === 'full')
        throw full('The store of definitions is full. Delete agent definitions that are not in use')
    }
    throw new Refusal(
      'version-mismatch',
      'Other clients are changing the definition now. Read the definition, then send your change again.',
    )
  }

  /** Checks that the tenant leaves room for the definitions of other tenants. */
  function checkShare(tenant: string, definition: AgentDefinition): void {
    const { own, all } = directory.bytes(tenant)
    const capacity = AGENTS_MAX_BYTES * AGENTS_SHARE
    const ask = agentBytes({ definition })
    const share = decideShare({ capacity, used: all, own, ask, tenants: tenants() })
    if (share.kind === 'take') return
    throw full(
      `Your definitions take ${own} bytes with their versions, and ${share.allowed} are allowed while other tenants share the store. Delete some definitions or shorten them`,
    )
  }

  return {
    listAgents(request: FastifyRequest): Promise<AgentList> {
      return Promise.resolve({ agents: directory.list(request.tenant).map(agentSummary) })
    },
    async getAgent(request: FastifyRequest, reply: FastifyReply): Promise<AgentView> {
      const { version } = request.query as { version?: number }
      const agent = directory.find(request.tenant, nameOf(request), version)
      if (agent === undefined) throw agentNotFound()
      void reply.header('etag', etagOf(agent.version))
      return Promise.resolve(agentView(agent))
    },
    async putAgent(request: FastifyRequest, reply: FastifyReply) {
      requireAllAgents(request.principal)
      const definition = request.body as AgentDefinitionView
      await checks.definition(definition, request.tenant)
      const { before, after } = await change(request, (last) => {
        const had = found(last)
        if (had !== undefined && hashSpec(had.definition) === hashSpec(definition)) return 'nothing'
        const most = limitOf(limits, request.tenant).agents ?? DEFAULT_LIMITS.agents
        if (had === undefined && directory.count(request.tenant) >= most) {
          throw full(`You have ${most} definitions, the most allowed. Delete a definition first`)
        }
        return definition as AgentDefinition
      })
      const agent = found(after)
      if (agent === undefined) throw agentNotFound()
      const status = found(before) === undefined ? 201 : 200
      return reply.code(status).header('etag', etagOf(agent.version)).send(agentView(agent))
    },
    async listAgentVersions(request: FastifyRequest): Promise<AgentVersions> {
      const versions = directory.versions(request.tenant, nameOf(request))
      if (versions.length === 0) throw agentNotFound()
      return { versions: versions.map(agentView) }
    },
    async deleteAgent(request: FastifyRequest, reply: FastifyReply) {
      requireAllAgents(request.principal)
      await change(request, (last) => {
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

function agentNotFound(): Refusal {
  return new Refusal(
    'agent-not-found',
    'No agent has this name, or the agent has no such version. GET /v1/agents lists the names; the fleet keeps the latest 20 versions of each agent.',
  )
}

function full(advice: string): Refusal {
  return new Refusal('agents-full', `${advice}; nothing was stored.`)
}
