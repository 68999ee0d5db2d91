import type { TenantTools } from '@agentfleet/domain'
import { z } from 'zod'
import { readJsonSetting } from './json-setting.ts'
import { tenantOrAll } from './tenant-limits.ts'

const PATTERN = /^[A-Za-z0-9_-]{0,64}\*?$/
/** Far above the tools of any node. */
const PATTERNS_MAX = 1_000
/** One schema for the workers, which enforce the rules, and the gateways, which show and accept only those tools. */
const schema = z.record(
  tenantOrAll,
  z
    .array(
      z
        .string()
        .min(1)
        .regex(PATTERN, 'must be the name of a tool, or the beginning of names followed by *'),
    )
    .max(PATTERNS_MAX),
)

/** Reads TENANT_TOOLS; `problems` says what is wrong with it and is empty if nothing is. */
export function readTenantTools(text: string | undefined): {
  readonly rules: TenantTools
  readonly problems: readonly string[]
} {
  if (text === undefined) return { rules: undefined, problems: [] }
  const read = readJsonSetting('TENANT_TOOLS', text, schema, 'docs/guides/tenants-and-keys.md')
  if (read.kind === 'wrong') return { rules: {}, problems: read.problems }
  return { rules: Object.freeze(read.value), problems: [] }
}
