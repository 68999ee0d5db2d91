import { z } from 'zod'
import { idSchema } from './heartbeat.ts'

const count = z.number().int().nonnegative()

/** Tenants in one message; those that hold most come first, and the others hold little. */
export const HOLDINGS_MAX = 1_000

/** A gateway that is alive. */
export const gatewaySchema = z.object({
  id: idSchema,
  /** Tenants that its keys name. */
  tenants: count,
})

/** What one tenant holds. */
export const holdingSchema = z.object({
  tenant: idSchema,
  /** Tasks that have not ended. */
  tasks: count,
  /** Tasks that have ended and have not expired. */
  ended: count,
  /** Bytes of the events of all these tasks. */
  bytes: count,
})
/** What one tenant holds. */
export type TenantHolding = z.infer<typeof holdingSchema>

const fill = z.object({ bytes: count, maxBytes: count })

/** The holdings of all tenants, as one coordinator has counted them up to a sequence of the log. */
export const holdingsSchema = z.object({
  seq: count,
  /** Tasks that ended before this time are gone. */
  keptFromMs: z.number().nonnegative().optional(),
  /** Gateways that admit tasks at the same time. */
  gateways: z.number().int().min(1),
  /** 0 as `maxBytes`: no known size. */
  log: fill,
  redis: fill,
  /** Tasks of all tenants that have not ended, and those that have. */
  tasks: count,
  ended: count,
  tenants: z.array(holdingSchema.optional()).max(HOLDINGS_MAX),
})
/** The holdings of all tenants. */
export type Holdings = z.infer<typeof holdingsSchema>
