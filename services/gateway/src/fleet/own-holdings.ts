import type { Bus, Schedules } from '@agentfleet/adapters'
import { given } from '@agentfleet/domain'
import type { TenantLimitsView } from '@agentfleet/protocol'
import type { AgentDirectory } from '../agents/directory.ts'
import type { Streams } from '../stream/connections.ts'
import { patient } from '../tasks/reads.ts'
import type { Waiting } from '../tasks/waiting-queues.ts'
import type { TenantRoom } from '../tenants/room.ts'
import { queuesNow } from './held-tenants.ts'

/** Returns how much a tenant uses of each of its limits; omits an unknown figure. */
export type OwnHoldings = (tenant: string) => Promise<NonNullable<TenantLimitsView['holds']>>

/** Creates the figures from what this gateway holds and what the other parts say. */
export function createOwnHoldings(deps: {
  readonly bus: Pick<Bus, 'ask'>
  readonly room: Pick<TenantRoom, 'standing'>
  readonly directory: Pick<AgentDirectory, 'count'>
  readonly schedules: Pick<Schedules, 'names'>
  readonly streams: Pick<Streams, 'open'>
  readonly waiting: Pick<Waiting, 'held'>
}): OwnHoldings {
  const { bus, room, directory, schedules, streams, waiting } = deps

  async function inFlight(tenant: string): Promise<number | undefined> {
    return (await queuesNow(bus, { tenant }))?.reduce((sum, queue) => sum + queue.inFlight, 0)
  }

  return async (tenant) => {
    const [names, concurrency] = await Promise.all([
      patient(schedules.names(tenant)),
      patient(inFlight(tenant)),
    ])
    return {
      ...room.standing(tenant)?.holds,
      agents: directory.count(tenant),
      streams: streams.open(tenant),
      heldRequests: waiting.held(tenant),
      ...given({ schedules: names?.length, concurrency }),
    }
  }
}
