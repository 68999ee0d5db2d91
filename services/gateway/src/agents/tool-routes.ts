import type { ModelList, ToolList } from '@agentfleet/protocol'
import type { Offers } from '../fleet/offers.ts'

/** Creates the handlers of `/v1/tools` and `/v1/models` by operationId. */
export function toolRoutes({
  offers,
}: {
  readonly offers: Pick<Offers, 'tools' | 'models' | 'mcpProblems'>
}) {
  return {
    listTools(): Promise<ToolList> {
      return Promise.resolve({ tools: offers.tools(), mcpProblems: offers.mcpProblems() })
    },
    listModels(): Promise<ModelList> {
      return Promise.resolve({ models: offers.models() })
    },
  }
}
