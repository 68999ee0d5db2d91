import type { Bus, LogFill, Logger, Store } from '@agentfleet/adapters'
import {
  decideSubmission,
  limitOf,
  type StoreFill,
  type SubmissionDecision,
  type TenantLimits,
} from '@agentfleet/domain'
import { CHANNELS, HOLDINGS_MAX, LOG_ADMISSION_SHARE } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { EndedTasks } from './ended-tasks.ts'
import type { TenantHoldings } from './holdings.ts'

/** The shares of the tenants. */
export type TenantShares = ReturnType<typeof createTenantShares>

/** Milliseconds; three announcements of a gateway may be lost. */
const GATEWAY_VALID_MS = 5_000
const UNKNOWN: StoreFill = { bytes: 0, maxBytes: 0 }

/**
 * The shares of the tenants: tells the gateways what each tenant holds, and decides by the same
 * rule for what the coordinator itself submits. It hears the gateways until closed.
 */
export function createTenantShares(deps: {
  readonly bus: Bus
  readonly store: Pick<Store, 'fill'>
  readonly holdings: TenantHoldings
  readonly endedTasks: Pick<EndedTasks, 'expiredMs' | 'expiredMsOf' | 'expiredEarly'>
  readonly logFill: Pick<LogFill, 'last'>
  readonly limits: TenantLimits
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Logger
}) {
  const { bus, store, holdings, endedTasks, logFill, limits, clock } = deps
  const gateways = hearGateways(bus, clock)
  let redis = UNKNOWN
  let away = false

  const logNow = (): StoreFill => {
    const { bytes, maxBytes } = logFill.last() ?? UNKNOWN
    return { bytes, maxBytes: Math.max(0, maxBytes) }
  }

  const keptFrom = (tenant: string) =>
    endedTasks.expiredEarly(tenant) ? { keptFromMs: endedTasks.expiredMsOf(tenant) } : {}

  return {
    /** Tells the gateways what has been counted up to this sequence of the log, and which tasks have expired. */
    announce(seq: number, outdated: boolean): void {
      const sums = holdings.all()
      const all = holdings
        .largest(HOLDINGS_MAX)
        .map((each) => ({ ...each, ...keptFrom(each.tenant) }))
      const fills = { log: logNow(), redis }
      const held = {
        tasks: sums.tasks,
        ended: sums.ended,
        tenants: all,
        ...(outdated ? { outdated } : {}),
      }
      const keptFromMs = Math.max(0, endedTasks.expiredMs())
      const known = { seq, ...gateways.living() }
      bus.send(CHANNELS.holdings, { ...known, keptFromMs, ...fills, ...held })
    },
    /** Reads how full Redis is. */
    async lookAtRedis(): Promise<void> {
      try {
        redis = await store.fill()
        away = false
      } catch (error) {
        if (!away) deps.log.warn({ err: error }, 'The coordinator could not read how full Redis is')
        away = true
      }
    },
    /** Decides whether a child or a tick of this tenant may be submitted now. */
    decide(tenant: string, bytes: number, child: boolean): SubmissionDecision {
      const { tasks: _places, ...limit } = limitOf(limits, tenant)
      return decideSubmission(
        { log: logNow(), redis, held: holdings.all(), tenants: gateways.tenants() },
        holdings.of(tenant),
        // A task that waits for its children could never end if they waited for places.
        child ? limit : limitOf(limits, tenant),
        { tasks: child ? 0 : 1, bytes },
        LOG_ADMISSION_SHARE,
      )
    },
    /** How many tenants the fleet serves, as the gateways say. */
    tenants: gateways.tenants,
    close: gateways.close,
  }
}

/** Counts the gateways that have announced themselves lately. */
function hearGateways(bus: Bus, { monotonicMs }: Pick<Clock, 'monotonicMs'>) {
  const heardAtMs = new Map<string, number>()
  let tenants = 1
  const hints = bus.on(CHANNELS.gateway, (hint) => {
    heardAtMs.set(hint.id, monotonicMs())
    tenants = hint.tenants
  })
  return {
    tenants: () => tenants,
    /** How many gateways there are, and the first in the order of ids: all coordinators name the same. */
    living(): { gateways: number; first?: string } {
      const since = monotonicMs() - GATEWAY_VALID_MS
      for (const [id, atMs] of heardAtMs) if (atMs < since) heardAtMs.delete(id)
      const first = [...heardAtMs.keys()].sort()[0]
      return { gateways: Math.max(1, heardAtMs.size), ...(first === undefined ? {} : { first }) }
    },
    close: () => hints.close(),
  }
}
