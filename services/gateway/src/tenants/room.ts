import type { Bus } from '@agentfleet/adapters'
import {
  decideShare,
  decideSubmission,
  gatewayCount,
  hearGateways,
  limitOf,
  quotaRoom,
  type GatewaysHeard,
  type Held,
  type SharedStore,
  type StoreFill,
  type SubmissionDecision,
  type TenantLimit,
  type TenantLimits,
} from '@agentfleet/domain'
import { CHANNELS, LOG_ADMISSION_SHARE, type Holding, type Holdings } from '@agentfleet/protocol'
import { Refusal } from '../http/problems.ts'
import { createUncovered } from './uncovered.ts'

/**
 * The room of each tenant in the stores that all tenants fill.
 *
 * A coordinator says twice a second what each tenant holds, counted from the log (L8). In between a gateway
 * adds what it has admitted itself, and counts it once for each living gateway, so that all gateways together
 * stay within a share, and never exceed a limit that an operator has set (QUOTA-1). Before the first announcement nothing is known, and every task is admitted. Invariant:
 * what a gateway has admitted counts until an announcement covers its place in the log.
 */
export type TenantRoom = ReturnType<typeof createTenantRoom>

/** What a tenant holds of the stores, and how full they are. */
export interface Standing {
  readonly holds: { readonly tasks: number; readonly ended: number; readonly logBytes: number }
  readonly stores: { readonly log: StoreFill; readonly redis: StoreFill }
}

/** Bytes of the events that follow the submission of a small task, with their frames. */
const ENDING_BYTES = 1_000
/** Announcements that are remembered: a few seconds, in which every admitted task is stored and counted. */
const REMEMBERED_MAX = 8

/** Creates the rooms; it hears the coordinators until closed. */
export function createTenantRoom(deps: {
  readonly bus: Pick<Bus, 'on'>
  /** The id by which coordinators know this gateway. */
  readonly id: string
  readonly limits: TenantLimits
  /** Returns how many tenants share the fleet. */
  readonly tenants: () => number
  /** Submissions that one gateway may have under way, and their bytes. */
  readonly submissionsMax: number
  readonly submissionsMaxBytes: number
  readonly monotonicMs: () => number
}) {
  const { id, limits, tenants, submissionsMax, submissionsMaxBytes, monotonicMs } = deps
  const uncovered = createUncovered()
  let heard: { readonly holdings: Holdings; readonly held: Map<string, Holding> } | undefined
  /** What the tenants held by the latest announcements. */
  let remembered: readonly Map<string, Held>[] = []
  let gateways: GatewaysHeard | undefined

  const hints = deps.bus.on(CHANNELS.holdings, (holdings) => {
    gateways = hearGateways(gateways, holdings.gateways, monotonicMs())
    // Replicas count at their own pace; the coordinator that has read furthest knows most.
    if (heard !== undefined && holdings.seq < heard.holdings.seq) return
    const list = holdings.tenants.flatMap((each) => (each === undefined ? [] : [each]))
    const held = new Map(list.map((each) => [each.tenant, each]))
    heard = { holdings, held }
    remembered = [...remembered, held].slice(-REMEMBERED_MAX)
    uncovered.cover(holdings.seq)
  })

  /** Refuses a task above the limit that an operator has set for the tenant. */
  const overQuota = (tenant: string, limit: TenantLimit, bytes: number, holdings: Holdings) => {
    if (limit.tasks === undefined && limit.logBytes === undefined) return undefined
    const mine = uncovered.sums(tenant)
    const { gateways } = holdings
    const first = gateways === 1 || holdings.first === id
    const check = (store: 'tasks' | 'log', key: 'tasks' | 'bytes', most?: number, ask = 1) => {
      if (most === undefined) return undefined
      const amounts = remembered.map((held) => held.get(tenant)?.[key] ?? 0)
      const held = amounts.at(-1) ?? 0
      const view = { held, heldLeast: Math.min(...amounts), own: mine[key], gateways, first }
      if (ask <= quotaRoom(most, view)) return undefined
      return overShare({ reason: 'limit', store, own: held + mine[key], allowed: most })
    }
    return (
      check('tasks', 'tasks', limit.tasks) ??
      check('log', 'bytes', limit.logBytes, bytes + ENDING_BYTES)
    )
  }

  const refusalOf = (tenant: string, bytes: number): Refusal | undefined => {
    const limit = limitOf(limits, tenant)
    const total = uncovered.underWayOfAll()
    const begun = uncovered.underWay(tenant)
    const shared = tenants()
    const places = decideShare({
      capacity: submissionsMax,
      used: total.tasks,
      own: begun.tasks,
      ask: 1,
      tenants: shared,
    })
    if (places.kind === 'refuse') return tooMany(places.allowed, 'submissions')
    const room = decideShare({
      capacity: submissionsMaxBytes,
      used: total.bytes,
      own: begun.bytes,
      ask: bytes,
      tenants: shared,
    })
    if (room.kind === 'refuse') return tooMany(room.allowed, 'bytes of submissions')
    if (heard === undefined) return undefined
    const { holdings, held } = heard
    const quota = overQuota(tenant, limit, bytes, holdings)
    if (quota !== undefined) return quota
    const { gateways, log, redis } = holdings
    const own = held.get(tenant) ?? HELD_NOTHING
    const mine = uncovered.sums(tenant)
    const all = uncovered.sumsOfAll()
    const decision = decideSubmission(
      {
        log: { ...log, bytes: log.bytes + gateways * all.bytes },
        redis,
        held: { tasks: holdings.tasks + gateways * all.tasks, ended: holdings.ended },
        tenants: shared,
      },
      {
        tasks: own.tasks + gateways * mine.tasks,
        ended: own.ended,
        bytes: own.bytes + gateways * mine.bytes,
      },
      {},
      { tasks: 1, bytes: bytes + ENDING_BYTES },
      LOG_ADMISSION_SHARE,
    )
    return decision.kind === 'take' ? undefined : overShare(decision)
  }

  return {
    /** Takes room for a task of this size; returns a Refusal if the tenant has none. */
    enter(tenant: string, bytes: number): Refusal | undefined {
      const refusal = refusalOf(tenant, bytes)
      if (refusal === undefined) uncovered.enter(tenant, bytes)
      return refusal
    },
    /** Ends the admission of a task; `seq`: where the log has stored it, undefined: nowhere. */
    leave: uncovered.leave,
    /** What the tenant holds and how full the stores are, as a coordinator has said; undefined: none has yet. */
    standing(tenant: string): Standing | undefined {
      if (heard === undefined) return undefined
      const { holdings, held } = heard
      const { tasks, ended, bytes } = held.get(tenant) ?? HELD_NOTHING
      return {
        holds: { tasks, ended, logBytes: bytes },
        stores: { log: holdings.log, redis: holdings.redis },
      }
    },
    /** Tasks of this tenant that ended before this time are gone; undefined: no coordinator has said it yet. */
    keptFromMs: (tenant: string) =>
      heard?.held.get(tenant)?.keptFromMs ?? heard?.holdings.keptFromMs,
    /** Whether the coordinator that has read furthest cannot write records to Redis. */
    outdated: () => heard?.holdings.outdated ?? false,
    /** How many gateways a coordinator has counted; 1 before it has said so. */
    gateways: () => heard?.holdings.gateways ?? 1,
    /** The number of gateways on which this one may rely (RATE-1). */
    gatewaysForCertain: () => gatewayCount(gateways, monotonicMs()),
    close: () => hints.close(),
  }
}

const HELD_NOTHING: Held = { tasks: 0, ended: 0, bytes: 0 }

function tooMany(allowed: number, unit: string): Refusal {
  return new Refusal(
    'tenant-share',
    `Nothing was stored. You may have ${allowed} ${unit} under way while other tenants use the gateway. Send the request again after Retry-After seconds.`,
  )
}

const STORES: Readonly<Record<SharedStore, { readonly unit: string; readonly advice: string }>> = {
  tasks: {
    unit: 'unfinished tasks',
    advice: 'Wait until some of your tasks have ended, or cancel waiting tasks.',
  },
  log: {
    unit: 'bytes of the log',
    advice: 'Wait until the fleet deletes some of your ended tasks, or send smaller tasks.',
  },
  redis: {
    unit: 'bytes of Redis',
    advice: 'Wait until the fleet deletes some of your ended tasks.',
  },
}

type OverShare = Omit<Extract<SubmissionDecision, { readonly kind: 'refuse' }>, 'kind'>

function overShare({ reason, store, own, allowed }: OverShare): Refusal {
  const { unit, advice } = STORES[store]
  const because =
    reason === 'limit'
      ? 'the limit that the operator has set for you'
      : 'your share (half of the space that other tenants leave free)'
  return new Refusal(
    reason === 'limit' ? 'tenant-limit' : 'tenant-share',
    `Nothing was stored. You hold ${own} ${unit}, and with this task you would hold more than ${allowed}, ${because}. ${advice}`,
  )
}
