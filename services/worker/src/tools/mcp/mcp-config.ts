import { readJsonSetting } from '@agentfleet/protocol'
import { holdsCredentials } from '@agentfleet/runtime'
import { z } from 'zod'

/** The MCP servers of a node: MCP_SERVERS is a JSON object of servers by name. */

/** Milliseconds; the same limit as for any tool. */
const TIMEOUT_MAX_MS = 3_600_000
const TIMEOUT_DEFAULT_MS = 60_000
/** Each stdio server is a separate process on every node. */
const SERVERS_MAX = 32

// A client repeats a header that it cannot send in its error, with the key in it.
const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]{1,256}$/, 'the name of a header has letters, digits and - only')
const headerValue = z
  .string()
  .regex(
    /^[!-~]+(?: +[!-~]+)*$/,
    'must have visible ASCII characters, with blanks only between them',
  )

const server = z.strictObject({
  /** A server that each node starts: a program that talks over stdio. */
  command: z.string().min(1).optional(),
  args: z.array(z.string()).optional(),
  /** Added to PATH, HOME and similar variables; the server gets no other variable of the node. */
  env: z.record(z.string(), z.string()).optional(),
  cwd: z.string().optional(),
  /** In place of a command: a server that the nodes reach over HTTP. */
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((url) => !holdsCredentials(url), {
      error: 'must not hold a user or a password; use headers',
    })
    .optional(),
  headers: z.record(headerName, headerValue).optional(),
  /** The tools that agents may be offered, by the server's own names; `*` for all of them. */
  tools: z.array(z.string().min(1)).min(1),
  /** The tools among these that a person must approve each time; `*` for all. */
  approval: z.array(z.string().min(1)).default([]),
  timeoutMs: z.number().int().min(100).max(TIMEOUT_MAX_MS).default(TIMEOUT_DEFAULT_MS),
})
type Server = z.output<typeof server>
const OF_COMMAND = ['args', 'env', 'cwd'] as const
const OF_URL = ['headers'] as const

/** A server has one way to reach it, and no field of the other way. */
const reachableServer = server.superRefine(
  (entry, context) => {
    const { command, url } = entry
    const add = (message: string, ...path: readonly string[]): void =>
      context.addIssue({ code: 'custom', message, path: [...path] })
    if (command !== undefined && url !== undefined) {
      return add('has both command and url; keep one of them')
    }
    if (command === undefined && url === undefined) {
      return add('needs command (a program to start) or url (an address to call)')
    }
    const [way, fields] = command === undefined ? ['url', OF_COMMAND] : ['command', OF_URL]
    for (const field of fields) {
      if (entry[field] !== undefined) add(`has no effect with ${way}; remove it`, field)
    }
  },
  // Also when a single field is wrong, so that all problems are reported at once.
  { when: ({ value }) => typeof value === 'object' && value !== null },
)
/** Underscores stand alone between other characters, because two of them end the server name in a tool name. */
const name = z.string().regex(/^(?!.*__)[A-Za-z0-9][A-Za-z0-9_-]{0,30}[A-Za-z0-9]$|^[A-Za-z0-9]$/, {
  error:
    'a server name has at most 32 letters, digits, - and single _, with a letter or digit at both ends',
})

const servers = z
  .record(name, reachableServer)
  .refine(
    (all) => Object.keys(all).length <= SERVERS_MAX,
    `must have at most ${SERVERS_MAX} servers`,
  )

/** How to reach an MCP server, and which of its tools agents may use. */
export type McpServerConfig = Readonly<ReturnType<typeof configOf>>

/** The servers by name, or all problems; values are never repeated, because they may be secret. */
interface McpConfig {
  readonly servers: Readonly<Record<string, McpServerConfig>>
  readonly problems: readonly string[]
}

const GUIDE = 'docs/guides/mcp-servers.md'
/** Right entries, shown below the problems. */
const EXAMPLES = [
  'MCP_SERVERS: an example of a server that each worker starts: {"files": {"command": "npx", "args": ["-y", "PACKAGE"], "tools": ["*"]}}',
  'MCP_SERVERS: an example of a server over HTTP: {"crm": {"url": "https://crm.example/mcp", "tools": ["*"]}}',
]

/** Parses MCP_SERVERS. */
export function parseMcpServers(text: string | undefined): McpConfig {
  if (text === undefined) return { servers: {}, problems: [] }
  const read = readJsonSetting('MCP_SERVERS', text, servers, GUIDE)
  if (read.kind === 'wrong') return { servers: {}, problems: [...read.problems, ...EXAMPLES] }
  const named = Object.entries(read.value).map(([key, value]) => [key, configOf(value)] as const)
  return { servers: Object.fromEntries(named), problems: [] }
}

function configOf({ command, args = [], env = {}, url = '', headers = {}, ...rest }: Server) {
  return command === undefined ? { url, headers, ...rest } : { command, args, env, ...rest }
}
