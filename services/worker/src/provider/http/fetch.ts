import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { assert } from '@agentfleet/domain'
import { decodedBody, encodingsOf, textOfBytes } from './decode.ts'
import type { HeaderFields } from './headers.ts'

/** The options of a request that asks `confirm` once its connection is open, and leaves after the promise. */
export interface LeavingInit extends RequestInit {
  /** The headers, as node:http takes them. */
  readonly fields?: Readonly<Record<string, string>>
  readonly confirm?: (() => Promise<void> | undefined) | undefined
}

/** Milliseconds; below the 5 s after which common servers close an idle connection. */
const IDLE_MS = 4_000
/** Milliseconds: several round trips to a distant endpoint, and the delays of a busy node. */
const RACE_MS = 2_000
/** Idle connections kept for the next burst. */
const IDLE_SOCKETS_MAX = 2_048
/** Bytes read of the body of a refusal. */
const ERROR_BODY_MAX = 64 * 1024
/** Milliseconds. A refusal sends its body right after its status; a later body is ignored. */
const ERROR_BODY_MS = 2_000
/** Bytes. Gateways add many headers, and node:http allows only 16 kB by default. */
const HEADERS_MAX = 64 * 1024

/**
 * Creates, with its own connections, the part of `fetch` that the SDK needs for streamed calls, over
 * node:http. With the web streams of the built-in `fetch` 10,000 open calls took 1.1 GB; with this
 * module they take 0.44 GB.
 *
 * Invariants: connections are reused and unlimited in number (the slots are the limit); only the
 * caller's signal limits the time; redirects are not followed.
 */
export function createHttpFetch() {
  const options = { keepAlive: true, maxFreeSockets: IDLE_SOCKETS_MAX, timeout: IDLE_MS }
  const http = new HttpAgent(options)
  const https = new HttpsAgent(options)
  // One entry for each provider.
  const places = new Map<string, Place>()
  const placeOf = (href: string): Place => {
    const known = places.get(href)
    if (known !== undefined) return known
    const { protocol, hostname, port, pathname, search } = new URL(href)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const place = { secure: protocol === 'https:', to: { host, port, path: pathname + search } }
    places.set(href, place)
    return place
  }
  const fetch: typeof globalThis.fetch = (input, init: LeavingInit = {}) =>
    new Promise<Response>((resolve, reject) => {
      const href = input instanceof Request ? input.url : String(input)
      const { secure, to } = placeOf(href)
      const body = typeof init.body === 'string' ? init.body : undefined
      const headers: Record<string, string> = { ...init.fields }
      // Compression saves little on streams and delays every piece; some endpoints compress
      // anyway.
      headers['accept-encoding'] = 'identity'
      if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body))
      const send = (agent: HttpAgent | HttpsAgent | false): void => {
        const request = (secure ? httpsRequest : httpRequest)({
          ...to,
          agent,
          maxHeaderSize: HEADERS_MAX,
          method: init.method ?? 'GET',
          headers,
        })
        if (init.signal) destroyAtAbort(request, init.signal)
        let answered = false
        let repeated = false
        let leftAtMs: number | undefined
        request.on('response', (message) => {
          answered = true
          resolve(toResponse(message, href))
        })
        request.on('error', (error: NodeJS.ErrnoException) => {
          // The body reports its own error, and the request is not repeated.
          if (answered) return
          // The server had closed the idle connection, so it has not seen the request. The reset
          // arrives within a round trip; after that the server may have begun, and the call is paid.
          const isRace = leftAtMs === undefined || performance.now() - leftAtMs < RACE_MS
          repeated = request.reusedSocket && isRace && CLOSED.includes(error.code ?? '')
          if (repeated) send(false)
          else reject(error)
        })
        // node:http reports neither an answer nor an error of 101 without this listener.
        request.on('upgrade', (_message, socket) => void socket.destroy())
        request.on('close', () => {
          if (!answered && !repeated) reject(new Error('the connection ended without an answer'))
        })
        leaveConfirmed(request, secure, init.confirm, () => {
          leftAtMs = performance.now()
          // A string goes to the socket in one piece with the headers.
          request.end(body)
        })
      }
      send(secure ? https : http)
    })
  return {
    fetch,
    /** Closes every connection. */
    close(): void {
      http.destroy()
      https.destroy()
    },
  }
}

/** The place of an endpoint, in the form of node:http. */
interface Place {
  readonly secure: boolean
  readonly to: { readonly host: string; readonly port: string; readonly path: string }
}

/**
 * Calls `leave` once the connection of the request is open and the promise of `confirm` has resolved. A request that
 * is written before would leave by itself, although its process was frozen while the connection opened and another
 * run may make the call by now (L3).
 */
function leaveConfirmed(
  request: ClientRequest,
  secure: boolean,
  confirm: LeavingInit['confirm'],
  leave: () => void,
): void {
  const opened = (): void => {
    const doubt = confirm?.()
    if (doubt === undefined) leave()
    else void doubt.then(() => request.destroyed || leave())
  }
  if (request.reusedSocket) return opened()
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', opened)
    else opened()
  })
}

/** What the option `signal` of node:http does, without its watch of the whole stream. */
function destroyAtAbort(request: ClientRequest, signal: AbortSignal): void {
  const abort = (): void => void request.destroy(new Error('The call was aborted'))
  if (signal.aborted) return abort()
  signal.addEventListener('abort', abort, { once: true })
  request.once('close', () => signal.removeEventListener('abort', abort))
}

/** The error codes of writing to a connection that the other side has closed. */
const CLOSED = ['ECONNRESET', 'EPIPE']

/** Returns the body of a response that this module created. */
export function bodyOf({ body }: Response): Readable {
  assert(body instanceof Readable, 'the response has the body of node:http')
  return body
}

/** Returns the headers of a response that this module created. */
export function headersOf({ headers }: Response): HeaderFields {
  assert(headers instanceof Map, 'the response has the headers of this module')
  return headers
}

/** The parts of a response that the SDK reads, or passes on. */
type SdkResponse = Pick<Response, 'status' | 'ok' | 'url'> & {
  readonly headers: unknown
  readonly body: unknown
}

/**
 * The response for the SDK; the message itself is the body. Every response counts
 * as `ok`, so that the SDK passes refusals on unread: the SDK knows one form of error bodies,
 * `errors.ts` knows all of them.
 */
function toResponse(message: IncomingMessage, url: string): Response {
  const labels = encodingsOf(message)
  const body = labels.length === 0 ? message : decodedBody(message, labels)
  // An abandoned body has no other listener for its errors.
  body.on('error', () => undefined)
  message.on('error', () => undefined)
  const response: SdkResponse = {
    status: message.statusCode ?? 0,
    ok: true,
    url,
    headers: new Map(Object.entries(message.headers)),
    body,
  }
  return response as Response
}

/**
 * Returns the text of a refusal up to ERROR_BODY_MAX bytes; the part that arrived if it breaks or
 * does not end.
 */
export async function readText(body: Readable): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => body.destroy(), ERROR_BODY_MS)
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      pieces.push(piece)
      bytes += piece.byteLength
      if (bytes > ERROR_BODY_MAX) break
    }
  } catch {
    // The status is known, and the rest of the text changes nothing.
  } finally {
    clearTimeout(timer)
  }
  return textOfBytes(Buffer.concat(pieces))
}
