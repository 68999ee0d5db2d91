import { openFleetClock, requireKnownFormats } from '@agentfleet/adapters'
import { STREAMS } from '@agentfleet/protocol'
import type { ServiceContext } from '@agentfleet/runtime'
import { parseOperators, type GatewayConfig } from './config.ts'
import type { GatewayDeps } from './parts.ts'
import { createGateway, type Gateway } from './service.ts'

/** Dependencies of a gateway process. */
type Context = ServiceContext<GatewayConfig> &
  Pick<GatewayDeps, 'bus' | 'store' | 'usage' | 'callerLimits'>

/** Creates a gateway that measures keys, tokens and tasks by the time of the log. Throws `newer-format`. */
export async function build(context: Context): Promise<Gateway> {
  const { bus, config } = context
  await requireKnownFormats(bus)
  const clock = await openFleetClock(STREAMS.log, context)
  const operators = parseOperators(config.OPERATOR_TENANTS, config)
  return createGateway({ ...context, clock, operators })
}
