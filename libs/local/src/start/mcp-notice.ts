import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@agentfleet/client'
import { jsonIn } from '@agentfleet/domain'
import type { McpProblemView, ToolView } from '@agentfleet/protocol'

/** What `npm start` says about MCP servers that do not offer all their tools. */

/** A server that is started by `npx` needs seconds, milliseconds. */
const OFFERED_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 250

/** A name that ends in two underscores and a tool's own name belongs to an MCP server. */
const SEPARATOR = '__'

/** Waits a moment for the tools of the configured MCP servers; returns a line for each that lacks some. */
export async function mcpNotice(
  env: Readonly<Record<string, string | undefined>>,
  client: Pick<Client, 'tools' | 'mcpProblems'>,
  logDir: string,
  stopping: AbortSignal,
): Promise<readonly string[]> {
  const { MCP_SERVERS: given, MCP_SERVERS_FILE: path } = env
  const text = given || (path ? await readFile(path, 'utf8').catch(() => '') : '')
  const untilMs = performance.now() + OFFERED_WITHIN_MS
  while (text && !stopping.aborted) {
    const tools = await client.tools().catch(() => [])
    const problems = await client.mcpProblems().catch(() => [])
    const lines = mcpLines(text, tools, problems, logDir)
    if (lines.length === 0 || performance.now() >= untilMs) return lines
    await delay(LOOK_EVERY_MS)
  }
  return []
}

/**
 * One line for each server of MCP_SERVERS that lacks tools, with the problem that the workers report; none
 * for a text that is not JSON, which the start refuses.
 */
export function mcpLines(
  text: string | undefined,
  tools: readonly Pick<ToolView, 'name'>[],
  problems: readonly McpProblemView[],
  logDir: string,
): readonly string[] {
  const offered = new Set(tools.map(({ name }) => name.split(SEPARATOR)[0]))
  return serversOf(text).flatMap((server) => {
    const found = problems.find((problem) => problem.server === server)
    if (found === undefined && offered.has(server)) return []
    const why =
      found === undefined
        ? 'the server does not offer its tools yet'
        : `${found.problem} (on ${found.nodes} of the workers)`
    return [
      `  MCP      ${server}: ${why}; GET /v1/tools shows when the server works, and the logs of the workers in ${logDir} have the details`,
    ]
  })
}

function serversOf(text: string | undefined): readonly string[] {
  const value = jsonIn(text ?? '')
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}
