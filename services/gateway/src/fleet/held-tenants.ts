import type { Bus } from '@agentfleet/adapters'
import { heldTenants, limitOf, type HeldTenant, type TenantLimits } from '@agentfleet/domain'
import { CHANNELS, type QueueFigures } from '@agentfleet/protocol'

/** Milliseconds. A coordinator answers from memory; without it the answer of the gateway omits the figures. */
const QUEUES_WITHIN_MS = 500

/** Returns the queues of a tenant, or of all tenants; undefined if no coordinator answers in time. */
export async function queuesNow(
  bus: Pick<Bus, 'ask'>,
  whose: { readonly tenant?: string },
): Promise<readonly QueueFigures[] | undefined> {
  const answer = await bus.ask(CHANNELS.queues, whose, QUEUES_WITHIN_MS)
  return answer.kind === 'reply' && answer.body.kind === 'queues' ? answer.body.queues : undefined
}

/** Returns the tenants that wait for their own limits, as far as this tenant may know them. */
export type Held = (tenant: string) => Promise<readonly HeldTenant[]>

/** Creates the view of the tenants that wait for their own limits: operators see all of them. */
export function createHeld(deps: {
  readonly bus: Pick<Bus, 'ask'>
  readonly limits: TenantLimits
  readonly operators: ReadonlySet<string>
}): Held {
  const { bus, limits, operators } = deps
  const anyLimit = [...limits.values()].some(({ concurrency }) => concurrency !== undefined)
  return async (tenant) => {
    const all = operators.has(tenant)
    if (!(all ? anyLimit : limitOf(limits, tenant).concurrency !== undefined)) return []
    return heldTenants((await queuesNow(bus, all ? {} : { tenant })) ?? [], limits)
  }
}
