import { z } from 'zod'
import { idSchema } from './heartbeat.ts'
import { instantMs, whole } from './values/numbers.ts'

/** Tenants in one message; those that hold most come first, and the others hold little. */
export const HOLDINGS_MAX = 1_000

/** What one tenant holds. */
export const holdingSchema = z.object({
  tenant: idSchema,
  /** Tasks that have not ended. */
  tasks: whole,
  /** Tasks that have ended and have not expired. */
  ended: whole,
  /** Bytes of the events of all these tasks. */
  bytes: whole,
  /** Its tasks that ended before this time are gone; absent: as for all tenants. */
  keptFromMs: instantMs.optional(),
})

const fill = z.object({ bytes: whole, maxBytes: whole })

/** More than any fleet runs. */
const GATEWAYS_MAX = 10_000

/** The holdings of all tenants, as one coordinator has counted them up to a sequence of the log. */
export const holdingsSchema = z.object({
  seq: whole,
  /** Tasks that ended before this time are gone. */
  keptFromMs: instantMs.optional(),
  /** Redis takes no records: lists show older ones. Absent: it takes them. */
  outdated: z.boolean().optional(),
  /** Gateways that admit tasks at the same time. */
  gateways: z.number().int().min(1).max(GATEWAYS_MAX),
  /** The gateway that gets the places of a limit that cannot be divided among the gateways. */
  first: z.string().min(1).max(128).optional(),
  /** 0 as `maxBytes`: no known size. */
  log: fill,
  redis: fill,
  /** Tasks of all tenants that have not ended, and those that have. */
  tasks: whole,
  ended: whole,
  tenants: z.array(holdingSchema.optional()).max(HOLDINGS_MAX),
})
/** What one tenant holds. */
export type Holding = z.infer<typeof holdingSchema>
/** The holdings of all tenants. */
export type Holdings = z.infer<typeof holdingsSchema>
