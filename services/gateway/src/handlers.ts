import { openOps, openSchedules } from '@agentfleet/adapters'
import { readTenantBudgets } from '@agentfleet/protocol'
import type { Readiness } from '@agentfleet/runtime'
import { figuresRoutes } from './fleet/figures-routes.ts'
import { createHeld } from './fleet/held-tenants.ts'
import { createOwnFigures } from './fleet/own-figures.ts'
import { agentRoutes } from './agents/routes.ts'
import { approvalRoutes } from './tasks/approval-routes.ts'
import { limitsRoutes } from './fleet/limits-routes.ts'
import { createOwnHoldings } from './fleet/own-holdings.ts'
import { nodeRoutes } from './fleet/node-routes.ts'
import { controlRoutes } from './fleet/routes.ts'
import { goalRoutes } from './goals/routes.ts'
import { createCronTicks } from './schedules/cron.ts'
import { scheduleRoutes } from './schedules/routes.ts'
import { scheduleRunRoutes } from './schedules/run-routes.ts'
import { historyRoutes } from './lists/history-routes.ts'
import { callRoutes } from './lists/call-routes.ts'
import { cancelRoutes } from './lists/cancel-routes.ts'
import { listRoutes } from './lists/routes.ts'
import { replayRoutes } from './lists/replay-routes.ts'
import { serviceRoutes } from './http/probe-routes.ts'
import { streamRoute, textRoutes } from './stream/routes.ts'
import { taskRoutes } from './tasks/routes.ts'
import { toolRoutes } from './agents/tool-routes.ts'
import { usageRoutes } from './fleet/usage-routes.ts'
import { specOf } from './tasks/spec.ts'
import { teamOf } from './agents/team.ts'
import type { GatewayDeps, GatewayParts } from './parts.ts'

/** The handlers of all operations, by operationId. */
export function handlersOf(deps: GatewayDeps, parts: GatewayParts, readiness: () => Readiness) {
  const { bus, config, usage, operators } = deps
  const { nowMs } = deps.clock
  const { fleet, streams, principals } = parts
  const schedules = openSchedules(bus)
  const cronTicks = createCronTicks()
  return {
    ...approvalRoutes(parts),
    ...taskRoutes(parts),
    ...textRoutes(parts),
    ...listRoutes({ ...parts, nowMs }),
    ...cancelRoutes(parts),
    ...historyRoutes(parts),
    ...callRoutes(parts),
    ...replayRoutes(parts),
    ...agentRoutes(parts),
    ...toolRoutes(parts),
    ...goalRoutes({ ...parts, team: teamOf(parts.directory) }),
    ...scheduleRoutes({
      ...parts,
      schedules,
      specOf: async (tenant, request) => {
        const found = await parts.agentChoice.definitionFor(tenant, request)
        const spec = specOf(request, parts, found)
        parts.offers.check(tenant, spec)
        return spec
      },
      cronTicks,
      nowMs,
    }),
    ...scheduleRunRoutes({ ...parts, schedules, cronTicks, nowMs }),
    ...usageRoutes({ usage, metadataKeys: config.USAGE_METADATA_KEYS, operators, nowMs }),
    ...serviceRoutes({
      document: parts.document,
      fleet,
      ownFigures: createOwnFigures({ store: parts.store, usage, nowMs }),
      held: createHeld({ ...parts, operators }),
      readiness,
    }),
    ...figuresRoutes({ ...parts, operators }),
    ...limitsRoutes({
      ...parts,
      holdings: createOwnHoldings({ ...parts, schedules }),
      budgets: readTenantBudgets(config.TENANT_BUDGETS).value,
      usage,
      operators,
    }),
    ...nodeRoutes(parts),
    ...controlRoutes({
      recentDecisions: parts.controlPlane.recentDecisions,
      ops: openOps(bus),
      operators,
      reader: parts.reader,
    }),
    ...streamRoute({ streams, principals }),
    ...principals.routes(),
  }
}
