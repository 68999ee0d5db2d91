import type { ModelList, ToolList } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import type { Offers } from '../fleet/offers.ts'

/** Creates the handlers of `/v1/tools` and `/v1/models` by operationId. */
export function toolRoutes(deps: {
  readonly offers: Pick<Offers, 'tools' | 'models' | 'mcpProblems'>
}) {
  const { offers } = deps
  return {
    listTools: async ({ tenant }: FastifyRequest): Promise<ToolList> => ({
      tools: offers.tools(tenant),
      mcpProblems: offers.mcpProblems(tenant),
    }),
    listModels: async (): Promise<ModelList> => ({ models: offers.models() }),
  }
}
