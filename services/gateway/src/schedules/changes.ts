import type { Schedules } from '@agentfleet/adapters'
import { decideShare, limitOf, type Schedule, type TenantLimits } from '@agentfleet/domain'
import { SCHEDULES_MAX_BYTES } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { checkVersion, overtaken, STORE_TRIES } from '../agents/versions.ts'
import { Refusal } from '../http/problems.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'
import { createTenantTurns } from '../tenants/turns.ts'

/** Definitions may fill this part of the stream, so that ticks and deletions always find room. */
const SCHEDULES_SHARE = 0.9
/** While less than this part is in use, no tenant can be over its share. */
const UNCOUNTED_SHARE = 0.25

/** What the changes of schedules need. */
export interface ScheduleChangeDeps {
  readonly schedules: Schedules
  readonly limits: TenantLimits
  /** Returns how many tenants share the fleet. */
  readonly tenants: () => number
}

/** Creates what stores and removes schedules, within the limits of their tenants. */
export function createScheduleChanges({ schedules, limits, tenants }: ScheduleChangeDeps) {
  /** Stores the schedule, or removes it if there is none, behind the version that the request expects. */
  async function change(
    request: FastifyRequest,
    name: string,
    schedule: Schedule | undefined,
  ): Promise<'made' | 'changed'> {
    const { tenant, headers } = request
    for (let tries = 0; tries < STORE_TRIES; tries += 1) {
      const before = await schedules.get(tenant, name)
      const existed = before.schedule !== undefined
      checkVersion(headers, 'schedule', existed ? before.seq : undefined)
      if (schedule === undefined && !existed) {
        request.unchanged = true
        return 'changed'
      }
      if (schedule !== undefined && !existed) await checkCount(tenant)
      const outcome = await schedules.put(tenant, name, schedule, before.seq)
      if (outcome === 'stored') return existed ? 'changed' : 'made'
    }
    throw overtaken('schedule')
  }

  async function checkCount(tenant: string): Promise<void> {
    const names = await schedules.names(tenant)
    const most = limitOf(limits, tenant).schedules ?? DEFAULT_LIMITS.schedules
    if (names.length < most) return
    const detail = `You have ${most} schedules, the most allowed. Delete a schedule first.`
    throw new Refusal('schedules-full', detail)
  }

  const counting = createTenantTurns(1)

  /**
   * Adds up the tenant's other schedules. The count reads all schedules, so one count of a tenant runs at a
   * time (L7).
   */
  const ownBytes = (tenant: string, name: string): Promise<number> =>
    counting(tenant, async () => {
      const others = (await schedules.names(tenant)).filter((each) => each !== name)
      return schedules.bytesOf(tenant, others)
    })

  /** Checks that the tenant leaves room for the schedules of other tenants. */
  async function checkShare(tenant: string, name: string, schedule: Schedule): Promise<void> {
    if (tenants() <= 1) return
    const ask = Buffer.byteLength(JSON.stringify(schedule))
    const capacity = SCHEDULES_MAX_BYTES * SCHEDULES_SHARE
    const used = await schedules.bytes()
    if (used + ask < capacity * UNCOUNTED_SHARE) return
    const own = await ownBytes(tenant, name)
    const share = decideShare({ capacity, used, own, ask, tenants: tenants() })
    if (share.kind === 'take') return
    throw new Refusal(
      'schedules-full',
      `Nothing was stored. Your schedules take ${own} bytes, and ${share.allowed} are allowed while other tenants share the store. Delete some schedules or shorten their tasks.`,
    )
  }

  return { change, checkShare }
}
