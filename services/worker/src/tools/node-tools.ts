import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Logger } from '@agentfleet/adapters'
import type { McpProblem } from '@agentfleet/protocol'
import { ConfigError, type ServiceContext } from '@agentfleet/runtime'
import type { WorkerConfig } from '../config.ts'
import { builtInTools } from './built-in.ts'
import { delegateTool } from './delegate.ts'
import { httpFetchTool, type HttpFetchSettings } from './fetch/http-fetch-tool.ts'
import { parseMcpServers } from './mcp/mcp-config.ts'
import type { McpServer } from './mcp/mcp-server.ts'
import { registerModuleHooks } from './register-hooks.ts'
import { loadToolModules } from './tool-modules.ts'
import { createToolThreads } from './tool-threads.ts'
import { secretsIn } from '../secrets/secret-texts.ts'
import { safeTool } from './safe-tool.ts'
import type { Tool, Tools } from './tool.ts'

/**
 * All tools of a node: built-in tools, those of your folder, and those of MCP servers.
 *
 * Invariants: all problems of the folder are reported together, and then nothing starts (`config.ts` has checked
 * the settings before); an unavailable MCP server does not prevent the start; names are unique.
 */
export interface NodeTools {
  /** Returns the present tools. */
  all(): Tools
  /** Returns the MCP servers that do not offer every configured tool now. */
  mcpProblems(): readonly McpProblem[]
  close(): Promise<void>
}

/** The sources of a node's tools. */
export interface NodeToolsOptions {
  /** The folder of your own modules; undefined without one. */
  readonly dir: string | undefined
  /** The JSON of MCP_SERVERS. */
  readonly mcpServers: string | undefined
  readonly httpFetch: HttpFetchSettings
  readonly log: Logger
  readonly random: () => number
  /** The environment of the node; errors of tools lose the values that are secret. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The default folder of your own tools: `tools` next to `dist` in the image. */
const TOOLS = fileURLToPath(new URL('../../tools', import.meta.url))

/** Bytes that `http_fetch` reads of a page; the model gets a part of them. */
const HTTP_FETCH_BYTES_MAX = 262_144
/** Milliseconds of a fetch, redirects included. */
const HTTP_FETCH_TIMEOUT_MS = 20_000

/** Provides the configured tools as a need of the runtime; errors of tools lose the secrets of the environment. */
export function nodeTools(env: NodeToolsOptions['env']) {
  return (
    context: Pick<ServiceContext<WorkerConfig>, 'config' | 'log' | 'random'>,
  ): Promise<NodeTools> => {
    const { config, log, random } = context
    const dir = config.TOOLS_DIR ?? (existsSync(TOOLS) ? TOOLS : undefined)
    if (dir !== undefined) registerModuleHooks()
    const { OPENAI_API_KEY, NATS_PASSWORD, NODE_SECRET } = config
    return openNodeTools({
      dir,
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
      // These may come from files.
      env: { ...env, OPENAI_API_KEY, NATS_PASSWORD, NODE_SECRET },
    })
  }
}

/** Loads and connects everything; throws a `ConfigError` with all problems of the folder. */
export async function openNodeTools(options: NodeToolsOptions): Promise<NodeTools> {
  const { dir, log } = options
  const threads = createToolThreads({ threadsMax: Math.max(1, availableParallelism() - 1) })
  const fetchTool = httpFetchTool(options.httpFetch)
  const own = [...builtInTools().values(), delegateTool, ...(fetchTool ? [fetchTool] : [])]
  const taken = own.map((tool) => tool.offer.function.name)
  const loaded =
    dir === undefined ? { tools: [], problems: [] } : await loadToolModules(dir, threads, { taken })
  const secrets = secretsIn(options.env)
  const fixed = [...own, ...loaded.tools].map((tool) => safeTool(tool, secrets))
  if (loaded.problems.length > 0) throw new ConfigError(loaded.problems)
  const named = await createServers(options)
  const servers = named.map(([, server]) => server)
  await Promise.all(servers.map((server) => server.start()))
  const all = (): Tools => byName([...fixed, ...servers.flatMap((server) => [...server.tools()])])
  log.info({ tools: [...all().keys()] }, 'The node has loaded its tools')
  return {
    all,
    mcpProblems: () =>
      named.flatMap(([server, { problem }]) => {
        const why = problem()
        return why === undefined ? [] : [{ server, problem: why }]
      }),
    async close() {
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

/** Creates the configured MCP servers, by name. */
async function createServers(
  options: NodeToolsOptions,
): Promise<readonly (readonly [name: string, server: McpServer])[]> {
  const configured = Object.entries(parseMcpServers(options.mcpServers).servers)
  if (configured.length === 0) return []
  // The SDK costs the start of a node time that only nodes with servers should pay.
  const { createMcpServer } = await import('./mcp/mcp-server.ts')
  return configured.map(([name, config]) => [name, createMcpServer({ ...options, name, config })])
}

function byName(tools: readonly Tool[]): Tools {
  return new Map(tools.map((tool) => [tool.offer.function.name, tool]))
}
