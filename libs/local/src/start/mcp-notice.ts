import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** What `npm start` says about MCP servers that have not offered their tools yet. */

/** A server that is started by `npx` needs seconds, milliseconds. */
const OFFERED_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 250

/** A name that ends in two underscores and a tool's own name belongs to an MCP server. */
const SEPARATOR = '__'

type Tools = readonly { readonly name: string }[]

/** Waits for the tools of the configured MCP servers for a moment; returns a line for each that offers none. */
export async function mcpNotice(
  env: Readonly<Record<string, string | undefined>>,
  fleet: {
    readonly tools: () => Promise<Tools>
    readonly logDir: string
    /** Ends the wait. */
    readonly signal: AbortSignal
  },
): Promise<readonly string[]> {
  const { MCP_SERVERS: given, MCP_SERVERS_FILE: path } = env
  const text = given || (path ? await readFile(path, 'utf8').catch(() => '') : '')
  const untilMs = performance.now() + OFFERED_WITHIN_MS
  while (text && !fleet.signal.aborted) {
    const missing = missingMcpServers(text, await fleet.tools().catch(() => []), fleet.logDir)
    if (missing.length === 0 || performance.now() >= untilMs) return missing
    await delay(LOOK_EVERY_MS)
  }
  return []
}

/**
 * One line for each server of MCP_SERVERS without a tool that agents may name; none for a text that is not
 * JSON, which the workers report.
 */
export function missingMcpServers(
  text: string | undefined,
  tools: Tools,
  logDir: string,
): readonly string[] {
  const offered = new Set(tools.map(({ name }) => name.split(SEPARATOR)[0]))
  return serversOf(text)
    .filter((server) => !offered.has(server))
    .map(
      (server) =>
        `  MCP      ${server} offers no tools yet; the logs of the workers in ${logDir} say why, GET /v1/tools shows when it does`,
    )
}

function serversOf(text: string | undefined): readonly string[] {
  try {
    const value: unknown = JSON.parse(text || '{}')
    return typeof value === 'object' && value !== null ? Object.keys(value) : []
  } catch {
    return []
  }
}
