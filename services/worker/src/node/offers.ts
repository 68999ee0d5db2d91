import { OFFER_LIMITS, type Offers } from '@agentfleet/protocol'
import { ECHO_MODELS } from '../run/echo.ts'
import type { Provider } from '../llm/provider.ts'
import type { Tools } from '../tools/tool.ts'

const { nameCharsMax, descriptionCharsMax, toolsMax, modelsMax } = OFFER_LIMITS

/** Returns the tools and models that tasks may name on this node, bounded by one message. */
export function offersOf(
  nodeId: string,
  tools: Tools,
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
  }
}
