import type { ToolList } from '@agentfleet/protocol'
import type { Offers } from '../fleet/offers.ts'

/** Creates the handler of `/v1/tools` by operationId. */
export function toolRoutes({ offers }: { readonly offers: Pick<Offers, 'tools'> }) {
  return {
    listTools(): Promise<ToolList> {
      return Promise.resolve({ tools: offers.tools() })
    },
  }
}
