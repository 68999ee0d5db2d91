import type { TenantBudgets, TenantLimit, TenantLimits, TenantTools } from '@agentfleet/domain'
import { z } from 'zod'
import { TOKEN_PATTERN } from '../subjects.ts'
import { readJsonSetting } from './json-setting.ts'

/**
 * The settings that map tenants to values. Each has one schema for all services that read it: those that enforce
 * a value, and those that show it.
 */

/** A setting as it was read; `problems` says what is wrong with it and is empty if nothing is. */
interface TenantSetting<T> {
  readonly value: T
  readonly problems: readonly string[]
}

/** The name of a tenant in a setting; `*` stands for all tenants that are not named. */
const tenantOrAll = z.string().refine((name) => name === '*' || TOKEN_PATTERN.test(name), {
  error: 'must be the name of a tenant (lower-case letters, digits or -), or *',
})

/** More than a fleet can hold of any of these. */
const PLACES_MAX = 100_000_000
const places = z.number().int().min(1).max(PLACES_MAX).optional()
const limitsSchema = z
  .record(
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
  // A parsed object has no keys for absent fields.
  .transform((limits) => new Map(Object.entries(limits as Record<string, TenantLimit>)))

/** Reads TENANT_LIMITS. */
export function readTenantLimits(text: string | undefined): TenantSetting<TenantLimits> {
  return read('TENANT_LIMITS', text, limitsSchema, 'docs/guides/tenants-and-keys.md', new Map())
}

const amount = z.number().min(0).max(1e12).optional()
const budgetsSchema = z
  .record(
    tenantOrAll,
    z.strictObject({
      tokensPerHour: amount,
      usdPerHour: amount,
      tokensPerDay: amount,
      usdPerDay: amount,
    }),
  )
  // A parsed object has no keys for absent fields.
  .transform((budgets) => budgets as TenantBudgets)

/** Reads TENANT_BUDGETS. */
export function readTenantBudgets(text: string | undefined): TenantSetting<TenantBudgets> {
  return read('TENANT_BUDGETS', text, budgetsSchema, 'docs/guides/budgets.md', {})
}

const TOOL_PATTERN = /^[A-Za-z0-9_-]{0,64}\*?$/
/** Far above the tools of any node. */
const TOOL_PATTERNS_MAX = 1_000
const toolsSchema = z.record(
  tenantOrAll,
  z
    .array(
      z
        .string()
        .min(1)
        .regex(TOOL_PATTERN, 'must be the name of a tool, or the beginning of names followed by *'),
    )
    .max(TOOL_PATTERNS_MAX),
)

/** Reads TENANT_TOOLS; without the setting the value is undefined, so every tenant may use every tool. */
export function readTenantTools(text: string | undefined): TenantSetting<TenantTools> {
  if (text === undefined) return { value: undefined, problems: [] }
  return read('TENANT_TOOLS', text, toolsSchema, 'docs/guides/tenants-and-keys.md', {})
}

function read<T>(
  name: string,
  text: string | undefined,
  schema: z.ZodType<T>,
  guide: string,
  none: T,
): TenantSetting<T> {
  if (text === undefined) return { value: none, problems: [] }
  const setting = readJsonSetting(name, text, schema, guide)
  if (setting.kind === 'wrong') return { value: none, problems: setting.problems }
  return { value: setting.value, problems: [] }
}
