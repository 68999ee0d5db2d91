import { OFFER_LIMITS, type McpProblem, type Offers } from '@agentfleet/protocol'
import { ECHO_MODELS } from '../run/echo.ts'
import type { Provider } from '../llm/provider.ts'
import type { Tools } from '../tools/tool.ts'

const { nameCharsMax, descriptionCharsMax, toolsMax, modelsMax, serversMax, problemCharsMax } =
  OFFER_LIMITS

/**
 * Returns the tools and models that tasks may name on this node, and which MCP servers lack tools, bounded
 * by one message.
 */
export function offersOf(
  nodeId: string,
  tools: Tools,
  mcpProblems: readonly McpProblem[],
  providers: readonly Pick<Provider, 'models'>[],
): Offers {
  const served = providers.flatMap(({ models }) => models.map(({ match }) => match))
  const models = [...new Set([...ECHO_MODELS, ...served])]
  return {
    nodeId,
    tools: [...tools.values()].slice(0, toolsMax).map(({ offer, source, approval }) => ({
      name: offer.function.name.slice(0, nameCharsMax),
      description: offer.function.description.slice(0, descriptionCharsMax),
      source,
      approval,
    })),
    models: models.length > modelsMax ? ['*'] : models,
    mcpProblems: mcpProblems.slice(0, serversMax).map(({ server, problem }) => ({
      server,
      problem: problem.slice(0, problemCharsMax),
    })),
  }
}
