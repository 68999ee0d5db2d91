import { z } from 'zod'

/** Which MCP servers a node uses: the JSON of MCP_SERVERS, an object of servers by name. */

/** Time limits may be as long as those of any tool, milliseconds. */
const TIMEOUT_MAX_MS = 3_600_000
const TIMEOUT_DEFAULT_MS = 60_000
/** Each stdio server is a process of its own on every node. */
const SERVERS_MAX = 32

const common = {
  /** The tools that agents may be offered, by the server's own names; `*` for all of them. */
  tools: z.array(z.string().min(1)).min(1),
  /** Of these, the ones that a person has to approve each time; `*` for all. */
  approval: z.array(z.string().min(1)).default([]),
  timeoutMs: z.number().int().min(100).max(TIMEOUT_MAX_MS).default(TIMEOUT_DEFAULT_MS),
}
const stdio = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  /** On top of PATH, HOME and the like; nothing else of the node's environment is handed on. */
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().optional(),
  ...common,
})
const http = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string(), z.string()).default({}),
  ...common,
})
/** One underscore at most between other characters, as two end the name within that of a tool. */
const name = z.string().regex(/^(?!.*__)[A-Za-z0-9][A-Za-z0-9_-]{0,30}[A-Za-z0-9]$|^[A-Za-z0-9]$/)

const servers = z
  .record(name, z.union([stdio, http]))
  .refine((all) => Object.keys(all).length <= SERVERS_MAX, `at most ${SERVERS_MAX} servers`)

/** How one MCP server is reached, and what of it agents may use. */
export type McpServerConfig = z.output<typeof stdio> | z.output<typeof http>

/** The servers by name, or everything that is wrong; values are never repeated, they may be secret. */
export type McpConfig =
  | { readonly kind: 'ok'; readonly servers: Readonly<Record<string, McpServerConfig>> }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

/** Reads MCP_SERVERS. */
export function parseMcpServers(text: string | undefined): McpConfig {
  if (text === undefined) return { kind: 'ok', servers: {} }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'wrong', problems: ['MCP_SERVERS is not JSON'] }
  }
  const parsed = servers.safeParse(value)
  if (parsed.success) return { kind: 'ok', servers: parsed.data }
  return { kind: 'wrong', problems: parsed.error.issues.flatMap(problemsOf) }
}

function problemsOf(issue: z.core.$ZodIssue): string[] {
  const place = ['MCP_SERVERS', ...issue.path.map(String)].join('.')
  if (issue.code === 'invalid_union') {
    return [`${place}: needs either command or url, and tools: the names that agents may use`]
  }
  return [`${place}: ${issue.message}`]
}
