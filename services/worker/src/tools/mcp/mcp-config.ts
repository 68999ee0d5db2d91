import { jsonErrorPlace } from '@agentfleet/protocol'
import { z } from 'zod'

/** The MCP servers of a node: MCP_SERVERS is a JSON object of servers by name. */

/** Milliseconds; the same limit as for any tool. */
const TIMEOUT_MAX_MS = 3_600_000
const TIMEOUT_DEFAULT_MS = 60_000
/** Each stdio server is a separate process on every node. */
const SERVERS_MAX = 32

const common = {
  /** The tools that agents may be offered, by the server's own names; `*` for all of them. */
  tools: z.array(z.string().min(1)).min(1),
  /** The tools among these that a person must approve each time; `*` for all. */
  approval: z.array(z.string().min(1)).default([]),
  timeoutMs: z.number().int().min(100).max(TIMEOUT_MAX_MS).default(TIMEOUT_DEFAULT_MS),
}
const stdio = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  /** Added to PATH, HOME and similar variables; the server gets no other variable of the node. */
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().optional(),
  ...common,
})
const http = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string(), z.string()).default({}),
  ...common,
})
/**
 * Underscores stand alone between other characters, because two of them end the server name in a
 * tool name.
 */
const name = z.string().regex(/^(?!.*__)[A-Za-z0-9][A-Za-z0-9_-]{0,30}[A-Za-z0-9]$|^[A-Za-z0-9]$/)

const servers = z
  .record(name, z.union([stdio, http]))
  .refine((all) => Object.keys(all).length <= SERVERS_MAX, `at most ${SERVERS_MAX} servers`)

/** How to reach an MCP server, and which of its tools agents may use. */
export type McpServerConfig = z.output<typeof stdio> | z.output<typeof http>

/** The servers by name, or all problems; values are never repeated, because they may be secret. */
export type McpConfig =
  | { readonly kind: 'ok'; readonly servers: Readonly<Record<string, McpServerConfig>> }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

/** Parses MCP_SERVERS. */
export function parseMcpServers(text: string | undefined): McpConfig {
  if (text === undefined) return { kind: 'ok', servers: {} }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const place = jsonErrorPlace(text)
    const problem = `MCP_SERVERS: must be JSON, and is not at ${place}; docs/guides/mcp-servers.md has an example`
    return { kind: 'wrong', problems: [problem] }
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
