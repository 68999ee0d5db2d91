import type { ClientFrame, ServerFrame } from '@agentfleet/protocol'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { ClientError, errorOf, notJson, unreachable } from './error.ts'
import { addressOf } from './request.ts'

/**
 * One WebSocket as a sequence of frames. States: opening → open → closed. Invariants: at most about QUEUE_MAX
 * frames wait for a slow reader, then the connection is not read; a connection that is silent for
 * SILENCE_MAX_MS counts as broken.
 */
export type Stream = ReturnType<typeof openStream>

/** The gateway's address and the caller's key. */
export interface Endpoint {
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
}

const OPEN_TIMEOUT_MS = 10_000
const QUEUE_MAX = 1_000
/** The gateway pings every 20 s: two of them are missing. */
const SILENCE_MAX_MS = 45_000
/** A result of 1 MB in its event, with room. */
const FRAME_MAX_BYTES = 16 * 1024 * 1024
const POLICY_VIOLATION = 1008
const TOO_BIG = 1009
const PROTOCOL = 'agentfleet'

/** Opens the stream of a gateway. */
export function openStream({ baseUrl, headers }: Endpoint, signal?: AbortSignal) {
  const url = addressOf(baseUrl, '/v1/stream')
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url, PROTOCOL, {
    headers,
    handshakeTimeout: OPEN_TIMEOUT_MS,
    maxPayload: FRAME_MAX_BYTES,
    perMessageDeflate: false,
  })
  const queue: ServerFrame[] = []
  let refusal: ClientError | undefined
  let wake = () => {}
  const abort = () => socket.terminate()
  signal?.addEventListener('abort', abort, { once: true })
  const silence = setTimeout(() => socket.terminate(), SILENCE_MAX_MS)

  socket.on('ping', () => silence.refresh())
  socket.on('message', (data: Buffer) => {
    silence.refresh()
    const text = data.toString('utf8')
    const frame = frameIn(text)
    if (frame === undefined) {
      refusal = notJson(101, text)
      socket.terminate()
      return
    }
    queue.push(frame)
    if (queue.length >= QUEUE_MAX) socket.pause()
    wake()
  })
  socket.once('close', (code: number, reason: Buffer) => {
    if (code === POLICY_VIOLATION || code === TOO_BIG) refusal = closedFor(code, String(reason))
    clearTimeout(silence)
    signal?.removeEventListener('abort', abort)
    wake()
  })
  const opened = opening(socket)
  // A caller that closes early ignores the failure to open.
  opened.catch(() => undefined)

  return {
    /** Rejects with ClientError when the gateway refuses or cannot be reached. */
    opened,
    send: (frame: ClientFrame) => socket.send(JSON.stringify(frame)),
    /**
     * Every frame until the connection ends; throws ClientError when a new connection would end for the same
     * reason.
     */
    async *frames(): AsyncGenerator<ServerFrame, void, void> {
      for (;;) {
        const frame = queue.shift()
        if (frame !== undefined) {
          if (socket.isPaused && queue.length < QUEUE_MAX / 2) socket.resume()
          yield frame
          continue
        }
        signal?.throwIfAborted()
        if (refusal !== undefined) throw refusal
        if (socket.readyState === WebSocket.CLOSED) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    close(): void {
      // A reader that stopped half way must not keep the close from being noticed.
      if (socket.isPaused) socket.resume()
      if (socket.readyState === WebSocket.OPEN) socket.close()
      else socket.terminate()
    },
  }
}

/** The frame of a message; undefined: the message does not come from a gateway. */
function frameIn(text: string): ServerFrame | undefined {
  try {
    const frame: unknown = JSON.parse(text)
    return typeof frame === 'object' && frame !== null ? (frame as ServerFrame) : undefined
  } catch {
    return undefined
  }
}

async function opening(socket: WebSocket): Promise<void> {
  const refused = new Promise<never>((_, reject) => {
    socket.on('error', (error) => reject(unreachable(error)))
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      readBody(response)
        .then((body) => {
          const header = (name: string) => [response.headers[name]].flat()[0]
          reject(errorOf(response.statusCode ?? 0, body, header))
        })
        .catch((error: unknown) => reject(unreachable(error)))
        .finally(() => socket.terminate())
    })
  })
  await Promise.race([once(socket, 'open'), refused])
}

function closedFor(code: number, reason: string): ClientError {
  return new ClientError({
    type: 'urn:agentfleet:problem:stream-closed',
    title: 'The gateway closed the WebSocket stream',
    status: 400,
    detail: `The gateway rejected a message from this client (close code ${code} ${reason}).`,
    code: 'stream-closed',
  })
}

async function readBody(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let body = ''
  for await (const chunk of response) {
    body += String(chunk)
    // A gateway's explanation is short; a longer body comes from something else.
    if (body.length > 64 * 1024) break
  }
  return body
}
