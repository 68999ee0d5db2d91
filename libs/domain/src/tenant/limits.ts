import type { TenantAllowance } from '../placement/fair-share.ts'

/** The limits that an operator has set for one tenant; without a field only the share of the tenant limits it. */
export interface TenantLimit extends TenantAllowance {
  /** Tasks that have not ended. */
  readonly tasks?: number
  /** Bytes of events in the log, those of ended tasks included until they expire. */
  readonly logBytes?: number
  /** Agent definitions. */
  readonly agents?: number
  readonly schedules?: number
  /** Open WebSocket connections of one gateway. */
  readonly streams?: number
  /** Requests that one gateway holds for `Prefer: wait`. */
  readonly heldRequests?: number
}

/** By tenant; `*` is for all that are not named. */
export type TenantLimits = ReadonlyMap<string, TenantLimit>

const NONE: TenantLimit = { weight: 1 }

/** The limits of this tenant. */
export function limitOf(limits: TenantLimits, tenant: string): TenantLimit {
  return limits.get(tenant) ?? limits.get('*') ?? NONE
}
