import type { Agents, StoredAgent } from '@agentfleet/adapters'
import { decideShare, type AgentDefinition } from '@agentfleet/domain'
import { AGENTS_MAX_BYTES } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import { agentBytes, found, type AgentDirectory } from './directory.ts'
import { checkVersion, overtaken, STORE_TRIES } from './versions.ts'

/** What changing a definition needs. */
export interface AgentChangeDeps {
  readonly directory: AgentDirectory
  readonly agents: Pick<Agents, 'last' | 'store'>
  readonly clock: Clock
  /** Returns how many tenants share the fleet. */
  readonly tenants: () => number
}

/** Definitions may fill this part of the stream, so that deletions always find room. */
const AGENTS_SHARE = 0.9

/** Creates the change that stores the definition that `next` makes from the newest version; `nothing` stores nothing. */
export function createAgentChange(deps: AgentChangeDeps) {
  const { directory, agents, clock } = deps

  return async function change(
    request: FastifyRequest,
    name: string,
    next: (last: StoredAgent | undefined) => AgentDefinition | 'nothing' | 'removed',
  ): Promise<{ before: StoredAgent | undefined; after: StoredAgent | undefined }> {
    const { tenant, headers } = request
    for (let tries = 0; tries < STORE_TRIES; tries += 1) {
      const before = await agents.last(tenant, name)
      if (before !== undefined) directory.take(before)
      checkVersion(headers, 'definition', found(before)?.version)
      const made = next(before)
      if (made === 'nothing') {
        request.unchanged = true
        return { before, after: before }
      }
      if (made !== 'removed') checkShare(deps, tenant, made)
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
    throw overtaken('definition')
  }
}

/** Checks that the tenant leaves room for the definitions of other tenants. */
function checkShare(
  { directory, tenants }: AgentChangeDeps,
  tenant: string,
  definition: AgentDefinition,
): void {
  const { own, all } = directory.bytes(tenant)
  const capacity = AGENTS_MAX_BYTES * AGENTS_SHARE
  const ask = agentBytes({ definition })
  const share = decideShare({ capacity, used: all, own, ask, tenants: tenants() })
  if (share.kind === 'take') return
  throw full(
    `Your definitions take ${own} bytes with their versions, and ${share.allowed} are allowed while other tenants share the store. Delete some definitions or shorten them`,
  )
}

/** Refuses a definition for which there is no room. */
export function full(advice: string): Refusal {
  return new Refusal('agents-full', `${advice}; nothing was stored.`)
}
