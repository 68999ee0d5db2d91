import type { Logger } from '@agentfleet/adapters'
import { backoffDelayMs } from '@agentfleet/domain'
import { toolFailure, type ToolContext } from '@agentfleet/toolkit'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { CallToolResult, Tool as McpTool } from '@modelcontextprotocol/sdk/types.js'
import { isSecretText, secretsIn } from '../../secrets/secret-texts.ts'
import { safeError, safeTool } from '../safe-tool.ts'
import { offerOf, wrong, type Tool, type ToolOutput } from '../tool.ts'
import type { McpServerConfig } from './mcp-config.ts'
import { outputOf } from './mcp-output.ts'
import { brokenBy, transportTo } from './mcp-transport.ts'

/**
 * One MCP server and its tools.
 *
 * States: created → connecting ⇄ waiting (after a failure, with backoff) → connected → connecting (after a
 * break) → closed. Invariants: only tools of the allow-list are offered; tools stay known while their server is
 * unavailable, and a call then fails with that reason; a call that may have been made is repeated only if the
 * server marks the tool as harmless; a broken call does not end the other calls of its connection; a stdio server
 * ends with its node.
 */
export type McpServer = ReturnType<typeof createMcpServer>

interface McpServerDeps {
  readonly name: string
  readonly config: McpServerConfig
  readonly log: Logger
  readonly random: () => number
}

/** Sent to servers, which ignore it. */
const CLIENT_VERSION = '1'
/** Milliseconds to connect and to list tools: a cold `npx` needs seconds. */
const CONNECT_WITHIN_MS = 20_000
/** Milliseconds between tries: short for a server that restarts, long for a server that is gone. */
const BACKOFF = { baseMs: 500, capMs: 30_000 }
/** Pages of a tool list; a server that sends more is broken. */
const PAGES_MAX = 20
const TOOL_NAME_MAX = 64
/** Characters of a description, which the model gets with each call. */
const DESCRIPTION_MAX = 4_096
/** The field of a call's `_meta` that carries the idempotency key, named by the rules of the protocol. */
const KEY_FIELD = 'agentfleet/idempotency-key'

/** Creates a server; it opens nothing before `start`. */
export function createMcpServer(deps: McpServerDeps) {
  const { name, config, log, random } = deps
  const secrets = mcpSecrets(config)
  let client: Client | undefined
  // The calls under way on each connection, the replaced ones included.
  const underWay = new Map<Client, number>()
  let tools: readonly Tool[] = []
  let problem: string | undefined = 'the node has not connected to the server yet'
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const connect = async (): Promise<void> => {
    timer = undefined
    const next = new Client({ name: 'agentfleet', version: CLIENT_VERSION })
    try {
      await next.connect(transportTo(config), { timeout: CONNECT_WITHIN_MS })
      const listed = await listTools(next)
      if (closed) return await next.close()
      tools = offered(listed, deps, call).map((tool) => safeTool(tool, secrets))
      problem = lackIn(listed, deps)
      client = next
      failures = 0
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has no events
      next.onclose = () => lost(next)
      log.info({ server: name, tools: tools.length }, 'The node has connected to an MCP server')
    } catch (error) {
      await next.close().catch(() => undefined)
      failures += 1
      problem = `the node cannot reach the server${codeOf(error)}`
      log.warn(
        { server: name, err: safeError(error, secrets), failures },
        'The node could not connect to an MCP server; it tries again',
      )
      again()
    }
  }
  const again = (): void => {
    if (closed || timer !== undefined) return
    timer = setTimeout(() => void connect(), backoffDelayMs(Math.max(1, failures), BACKOFF, random))
  }
  const lost = (which: Client): void => {
    if (client !== which) return
    client = undefined
    problem = 'the node has lost its connection to the server'
    log.warn({ server: name }, 'The connection to an MCP server broke')
    again()
  }
  /** Closes a replaced connection behind its last call. */
  const ended = (used: Client): void => {
    const left = (underWay.get(used) ?? 1) - 1
    if (left > 0) return void underWay.set(used, left)
    underWay.delete(used)
    if (used !== client) void used.close().catch(() => undefined)
  }
  const call = async (tool: McpTool, args: unknown, context: ToolContext): Promise<ToolOutput> => {
    const used = client
    if (used === undefined) throw toolFailure('retry', `the MCP server ${name} is not connected`)
    underWay.set(used, (underWay.get(used) ?? 0) + 1)
    try {
      return outputOf(await callTool(used, tool.name, args, context, config.timeoutMs))
    } catch (error) {
      const broken = context.signal.aborted ? undefined : brokenBy(error)
      if (broken === undefined) throw error
      lost(used)
      if (broken === 'not-made' || isHarmless(tool)) {
        throw toolFailure('retry', `the connection to the MCP server ${name} broke`, error)
      }
      const message = `the connection to the MCP server ${name} broke; the call may have taken effect`
      throw toolFailure('tell-model', message, error)
    } finally {
      ended(used)
    }
  }

  return {
    /** Returns its tools as `server__tool`; empty before the first connection. */
    tools: () => tools,
    /** Says why it does not offer every configured tool now; undefined if it does. */
    problem: () => problem,
    /** Resolves when it has connected or has failed once. */
    start: connect,
    async close(): Promise<void> {
      closed = true
      clearTimeout(timer)
      const open = new Set([...(client === undefined ? [] : [client]), ...underWay.keys()])
      client = undefined
      await Promise.all([...open].map((each) => each.close()))
    },
  }
}

/** Returns which configured tools a server does not offer, and logs it; undefined: it offers all. */
function lackIn(
  listed: readonly McpTool[],
  { name, config, log }: McpServerDeps,
): string | undefined {
  const names = listed.map((tool) => tool.name)
  const lacking = config.tools.filter((wanted) => wanted !== '*' && !names.includes(wanted))
  if (lacking.length === 0) return undefined
  log.warn({ server: name, lacking, names }, 'An MCP server does not offer all configured tools')
  return `the server does not have the tools ${lacking.join(', ')}`
}

/** The secrets that a server gets: its headers, and what has the name of a secret in its variables or its address. */
function mcpSecrets(config: McpServerConfig): readonly string[] {
  if ('command' in config) return secretsIn(config.env)
  const inAddress = secretsIn(Object.fromEntries(new URL(config.url).searchParams))
  const values = [...Object.values(config.headers), ...inAddress]
  // Also without the word before it, such as Bearer.
  return [...values, ...values.flatMap((value) => value.split(' ').slice(1))].filter(isSecretText)
}

async function callTool(
  client: Client,
  name: string,
  args: unknown,
  { idempotencyKey, signal }: ToolContext,
  timeoutMs: number,
): Promise<CallToolResult> {
  const params = {
    name,
    arguments: args as Record<string, unknown>,
    _meta: { [KEY_FIELD]: idempotencyKey },
  }
  const result = await client.callTool(params, undefined, { signal, timeout: timeoutMs })
  return result as CallToolResult
}

async function listTools(client: Client): Promise<McpTool[]> {
  const tools: McpTool[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const params = cursor === undefined ? {} : { cursor }
    const listed = await client.listTools(params, { timeout: CONNECT_WITHIN_MS })
    tools.push(...listed.tools)
    cursor = listed.nextCursor
    if (cursor === undefined) break
  }
  return tools
}

/** The code of a failure such as ENOENT; its message may contain secrets, so it stays in the log. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown }
  if (typeof code === 'string') return ` (${code})`
  return cause instanceof Error ? codeOf(cause) : ''
}

type Call = (tool: McpTool, args: unknown, context: ToolContext) => Promise<ToolOutput>

function offered(listed: readonly McpTool[], deps: McpServerDeps, call: Call): readonly Tool[] {
  const { name, config, log } = deps
  const isIn = (list: readonly string[], tool: string): boolean =>
    list.includes(tool) || list.includes('*')
  const tools = new Map<string, Tool>()
  for (const tool of listed.filter((candidate) => isIn(config.tools, candidate.name))) {
    // Providers allow fewer characters in a name than the protocol does.
    const full = `${name}__${tool.name.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`
    if (full.length > TOOL_NAME_MAX || tools.has(full)) {
      log.warn(
        { server: name, tool: tool.name },
        'The node does not offer an MCP tool because the name of the tool is too long or not unique',
      )
      continue
    }
    const description = (tool.description ?? tool.title ?? tool.name).slice(0, DESCRIPTION_MAX)
    tools.set(full, {
      offer: offerOf(full, description, tool.inputSchema),
      source: 'mcp',
      timeoutMs: config.timeoutMs,
      approval: isIn(config.approval, tool.name),
      idempotent: isHarmless(tool),
      check: (args) => (isObject(args) ? undefined : wrong('the arguments must be an object')),
      run: (args, context) => call(tool, args, context),
    })
  }
  return [...tools.values()]
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether the server marks the tool as read-only or idempotent. */
function isHarmless({ annotations }: McpTool): boolean {
  return annotations?.readOnlyHint === true || annotations?.idempotentHint === true
}
