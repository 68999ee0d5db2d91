import type { TenantLimit, TenantLimits } from '@agentfleet/domain'
import { z } from 'zod'
import { TOKEN_PATTERN } from '../subjects.ts'
import { readJsonSetting } from './json-setting.ts'

/** The name of a tenant in a setting; `*` stands for all tenants that are not named. */
export const tenantOrAll = z.string().refine((name) => name === '*' || TOKEN_PATTERN.test(name), {
  error: 'must be the name of a tenant (lower-case letters, digits or -), or *',
})

/** More than a fleet can hold of any of these. */
const PLACES_MAX = 100_000_000
const places = z.number().int().min(1).max(PLACES_MAX).optional()

/** The limits of tenants: one schema for every service that keeps some of them. */
const schema = z.record(
  tenantOrAll,
  z.strictObject({
    weight: z.number().min(0.01).max(1_000).default(1),
    concurrency: z.number().int().min(1).max(1_000_000).optional(),
    tasks: places,
    // Less would not hold one task of the largest size.
    logBytes: z
      .number()
      .int()
      .min(8 * 1024 * 1024)
      .max(2 ** 52)
      .optional(),
    agents: places,
    schedules: places,
    streams: places,
    heldRequests: places,
  }),
)

/** Reads TENANT_LIMITS; `problems` says what is wrong with it and is empty if nothing is. */
export function readTenantLimits(text: string | undefined): {
  readonly limits: TenantLimits
  readonly problems: readonly string[]
} {
  const none: TenantLimits = new Map()
  if (text === undefined) return { limits: none, problems: [] }
  const read = readJsonSetting('TENANT_LIMITS', text, schema, 'docs/guides/tenants-and-keys.md')
  if (read.kind === 'wrong') return { limits: none, problems: read.problems }
  // A parsed object has no keys for absent fields.
  const entries = Object.entries(read.value as Record<string, TenantLimit>)
  return { limits: new Map(entries), problems: [] }
}
