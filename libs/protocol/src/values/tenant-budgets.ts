import type { TenantBudgets } from '@agentfleet/domain'
import { z } from 'zod'
import { readJsonSetting } from './json-setting.ts'
import { tenantOrAll } from './tenant-limits.ts'

const amount = z.number().min(0).max(1e12).optional()
/** The budgets of tenants: one schema for the workers, which keep them, and the gateways, which show them. */
const schema = z.record(
  tenantOrAll,
  z.strictObject({
    tokensPerHour: amount,
    usdPerHour: amount,
    tokensPerDay: amount,
    usdPerDay: amount,
  }),
)

/** Reads TENANT_BUDGETS; `problems` says what is wrong with it and is empty if nothing is. */
export function readTenantBudgets(text: string | undefined): {
  readonly budgets: TenantBudgets
  readonly problems: readonly string[]
} {
  if (text === undefined) return { budgets: {}, problems: [] }
  const read = readJsonSetting('TENANT_BUDGETS', text, schema, 'docs/guides/budgets.md')
  if (read.kind === 'wrong') return { budgets: {}, problems: read.problems }
  // A parsed object has no keys for absent fields.
  return { budgets: read.value as TenantBudgets, problems: [] }
}
