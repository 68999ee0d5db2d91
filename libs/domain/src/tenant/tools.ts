/**
 * The tools that each tenant may use, by name; a name that ends in `*` stands for all that begin so. `*` as
 * tenant is for all that are not named. Undefined: every tenant may use every tool.
 */
export type TenantTools = Readonly<Record<string, readonly string[]>> | undefined

/** Whether a name fits a pattern: the name itself, or its beginning with a `*` behind it. */
export function fitsToolPattern(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** Whether a tenant may use a tool; a tenant that no rule names may use none. */
export function mayUseTool(rules: TenantTools, tenant: string, tool: string): boolean {
  if (rules === undefined) return true
  return patternsOf(rules, tenant).some((pattern) => fitsToolPattern(pattern, tool))
}

/** Whether a tenant may use any tool whose name begins so, such as the tools of one MCP server. */
export function mayUseSomeTool(rules: TenantTools, tenant: string, beginning: string): boolean {
  if (rules === undefined) return true
  return patternsOf(rules, tenant).some(
    (pattern) => pattern.startsWith(beginning) || fitsToolPattern(pattern, beginning),
  )
}

function patternsOf(rules: NonNullable<TenantTools>, tenant: string): readonly string[] {
  return (Object.hasOwn(rules, tenant) ? rules[tenant] : rules['*']) ?? []
}
