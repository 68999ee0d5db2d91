import type { ModelList, ToolList } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import type { Offers } from '../fleet/offers.ts'

/** Creates the handlers of `/v1/tools` and `/v1/models` by operationId. */
export function toolRoutes({
  offers,
}: {
  readonly offers: Pick<Offers, 'tools' | 'models' | 'mcpProblems'>
}) {
  return {
    listTools({ tenant }: FastifyRequest): Promise<ToolList> {
      const [tools, mcpProblems] = [offers.tools(tenant), offers.mcpProblems(tenant)]
      return Promise.resolve({ tools, mcpProblems })
    },
    listModels(): Promise<ModelList> {
      return Promise.resolve({ models: offers.models() })
    },
  }
}
