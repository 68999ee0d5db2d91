import type { TenantLimit, TenantLimits } from '@agentfleet/domain'
import { z } from 'zod'
import { TOKEN_PATTERN } from '../subjects.ts'
import { jsonErrorPlace } from './json-place.ts'

/** More than a fleet can hold of any of these. */
const PLACES_MAX = 100_000_000
const places = z.number().int().min(1).max(PLACES_MAX).optional()

/** The limits of tenants: one schema for every service that keeps some of them. */
const schema = z.record(
  z.union([z.literal('*'), z.string().regex(TOKEN_PATTERN, 'must be a tenant or *')]),
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
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const place = jsonErrorPlace(text)
    const problem = `TENANT_LIMITS: must be JSON, and is not at ${place}; docs/guides/tenants-and-keys.md has an example`
    return { limits: none, problems: [problem] }
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `TENANT_LIMITS: ${path.map(String).join('.') || 'it'}: ${message}`,
    )
    return { limits: none, problems }
  }
  // A parsed object has no keys for absent fields.
  const entries = Object.entries(parsed.data as Record<string, TenantLimit>)
  return { limits: new Map(entries), problems: [] }
}
