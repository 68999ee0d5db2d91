import { readJsonSetting, tenantOrAll } from '@agentfleet/protocol'
import { ConfigError } from '@agentfleet/runtime'
import { z } from 'zod'
import { fitsPattern, type Tools } from './tool.ts'

/**
 * The tools that each tenant may use, by name; a name that ends in `*` stands for all that begin so. `*` as
 * tenant is for all that are not named. Undefined: every tenant may use every tool of the node.
 */
export type TenantTools = Readonly<Record<string, readonly string[]>> | undefined

const PATTERN = /^[A-Za-z0-9_-]{0,64}\*?$/
/** Far above the tools of any node. */
const PATTERNS_MAX = 1_000
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

/** Reads TENANT_TOOLS; throws a ConfigError with every problem. */
export function tenantToolsOf(text: string | undefined): TenantTools {
  if (text === undefined) return undefined
  const read = readJsonSetting('TENANT_TOOLS', text, schema, 'docs/guides/tenants-and-keys.md')
  if (read.kind === 'wrong') throw new ConfigError(read.problems)
  return Object.freeze(read.value)
}

/** The tools of these that a tenant may use; a tenant that no rule names may use none. */
export function toolsOfTenant(tools: Tools, tenant: string, rules: TenantTools): Tools {
  if (rules === undefined) return tools
  const patterns = (Object.hasOwn(rules, tenant) ? rules[tenant] : rules['*']) ?? []
  return new Map(
    [...tools].filter(([name]) => patterns.some((pattern) => fitsPattern(pattern, name))),
  )
}
