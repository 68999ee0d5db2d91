import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Logger } from '@agentfleet/adapters'
import { ConfigError, type ServiceContext } from '@agentfleet/runtime'
import type { WorkerConfig } from '../config.ts'
import { builtInTools } from './built-in.ts'
import { delegateTool } from './delegate.ts'
import { httpFetchTool, type HttpFetchSettings } from './fetch/http-fetch-tool.ts'
import { parseMcpServers } from './mcp/mcp-config.ts'
import { createMcpServer } from './mcp/mcp-server.ts'
import { loadToolModules } from './tool-modules.ts'
import { createToolThreads } from './tool-threads.ts'
import type { Tool, Tools } from './tool.ts'

/**
 * All tools of a node: built-in ones, those of the team's folder, those of MCP servers.
 *
 * Invariants: what is wrong with folder, servers and settings is told together, and then nothing is
 * started; an MCP server that is away does not keep the node from starting; names are unique.
 */
export interface NodeTools {
  /** The tools as they are now. */
  all(): Tools
  close(): Promise<void>
}

/** Where a node's tools come from. */
export interface NodeToolsOptions {
  /** The team's folder of modules; undefined: there is none. */
  readonly dir: string | undefined
  /** The JSON of MCP_SERVERS. */
  readonly mcpServers: string | undefined
  readonly httpFetch: HttpFetchSettings
  readonly log: Logger
  readonly random: () => number
}

/** Where a team's tools lie when nothing else is said: in the image, `tools` beside `dist`. */
const TOOLS = fileURLToPath(new URL('../../tools', import.meta.url))

/** Largest page that `http_fetch` reads, bytes: the model gets a part of it. */
const HTTP_FETCH_BYTES_MAX = 262_144
/** Longest fetch, redirects included, milliseconds. */
const HTTP_FETCH_TIMEOUT_MS = 20_000

/** The tools that the variables name, as a need of the runtime. */
export function nodeTools(
  context: Pick<ServiceContext<WorkerConfig>, 'config' | 'log' | 'random'>,
): Promise<NodeTools> {
  const { config, log, random } = context
  return openNodeTools({
    dir: config.TOOLS_DIR ?? (existsSync(TOOLS) ? TOOLS : undefined),
    mcpServers: config.MCP_SERVERS,
    httpFetch: {
      allowed: config.HTTP_FETCH_HOSTS,
      denied: config.HTTP_FETCH_DENIED_HOSTS,
      privateRanges: config.HTTP_FETCH_PRIVATE_RANGES,
      bytesMax: HTTP_FETCH_BYTES_MAX,
      timeoutMs: HTTP_FETCH_TIMEOUT_MS,
    },
    log,
    random,
  })
}

/** Loads and connects everything; throws a `ConfigError` with all problems. */
export async function openNodeTools(options: NodeToolsOptions): Promise<NodeTools> {
  const { dir, log } = options
  const threads = createToolThreads({ threadsMax: Math.max(1, availableParallelism() - 1) })
  const fetchTool = httpFetchTool(options.httpFetch)
  const mcp = parseMcpServers(options.mcpServers)
  const loaded =
    dir === undefined ? { tools: [], problems: [] } : await loadToolModules(dir, threads)
  const fixed = [
    ...builtInTools().values(),
    delegateTool,
    ...(fetchTool !== undefined && 'offer' in fetchTool ? [fetchTool] : []),
    ...loaded.tools,
  ]
  const problems = [
    ...loaded.problems,
    ...(fetchTool !== undefined && 'problems' in fetchTool ? fetchTool.problems : []),
    ...(mcp.kind === 'wrong' ? mcp.problems : []),
    ...twice(fixed).map((name) => `tool ${name}: there is more than one of this name`),
  ]
  if (mcp.kind === 'wrong' || problems.length > 0) throw new ConfigError(problems)
  const servers = Object.entries(mcp.servers).map(([name, config]) =>
    createMcpServer({ ...options, name, config }),
  )
  await Promise.all(servers.map((server) => server.start()))
  const all = (): Tools => byName([...fixed, ...servers.flatMap((server) => [...server.tools()])])
  log.info({ tools: [...all().keys()] }, 'tools loaded')
  return {
    all,
    async close() {
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

function byName(tools: readonly Tool[]): Tools {
  return new Map(tools.map((tool) => [tool.offer.function.name, tool]))
}

function twice(tools: readonly Tool[]): readonly string[] {
  const names = tools.map((tool) => tool.offer.function.name)
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
}
