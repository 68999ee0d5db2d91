import {
  getDefaultEnvironment,
  StdioClientTransport,
} from '@modelcontextprotocol/sdk/client/stdio.js'
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js'
import type { McpServerConfig } from './mcp-config.ts'

/** Bytes of a server's answer: the SDK limits them over stdio, this module over HTTP. */
const BYTES_MAX = 10 * 1024 * 1024

/** Creates the transport to a server; it opens nothing yet. */
export function transportTo(config: McpServerConfig): Transport {
  if ('command' in config) {
    const { command, args, env, cwd } = config
    return new StdioClientTransport({
      command,
      args,
      env: { ...getDefaultEnvironment(), ...env },
      // The error output of a server is unbounded and may contain anything.
      stderr: 'ignore',
      maxBufferSize: BYTES_MAX,
      ...(cwd === undefined ? {} : { cwd }),
    })
  }
  return new StreamableHTTPClientTransport(new URL(config.url), {
    requestInit: { headers: config.headers },
    fetch: boundedFetch,
  })
}

const boundedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (response.body === null) return response
  let bytes = 0
  const bound = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      bytes += piece.byteLength
      if (bytes > BYTES_MAX)
        controller.error(new Error(`the answer is larger than ${BYTES_MAX} bytes`))
      else controller.enqueue(piece)
    },
  })
  const { status, statusText, headers } = response
  return new Response(response.body.pipeThrough(bound), { status, statusText, headers })
}

/** The SDK defines the code in an enum. */
const CLOSED: number = ErrorCode.ConnectionClosed

/** What a failed connection means for its call. */
export type Broken = 'not-made' | 'in-doubt'

/** Statuses that a server sends before it runs anything: no session, no capacity, not now. */
const NOT_MADE = [404, 429, 503]

/** Returns what an error means for the call if it means that the connection is unusable. */
export function brokenBy(error: unknown): Broken | undefined {
  if (error instanceof McpError) return error.code === CLOSED ? 'in-doubt' : undefined
  if (error instanceof StreamableHTTPError) {
    return NOT_MADE.includes(error.code ?? 0) ? 'not-made' : 'in-doubt'
  }
  if (!(error instanceof Error)) return undefined
  if (error.message === 'Not connected') return 'not-made'
  // `fetch` throws this if there is no connection or if it broke.
  if (!(error instanceof TypeError)) return undefined
  const { cause } = error
  const refused = cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED'
  return refused ? 'not-made' : 'in-doubt'
}
