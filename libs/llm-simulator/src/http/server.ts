import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorBody, errorHeaders, refused, type ApiError, type Checked } from './api-error.ts'

/** Largest request body; a prompt of a million tokens fits. */
export const BODY_BYTES_MAX = 4 * 1024 * 1024

/** Headers of every answer, so that none is mistaken for a real model's. */
export const SIMULATED = { 'x-simulated': 'true' } as const

/** A request's JSON, a refusal, or nothing because its client disconnected. */
type BodyResult = Checked<unknown> | { readonly kind: 'gone' }

/** Sends a JSON text. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...SIMULATED,
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
  })
  response.end(body)
}

/** Sends a refusal in OpenAI's shape. */
export function sendError(response: ServerResponse, error: ApiError): void {
  // The rest of a body that is too large is not read: its connection cannot be used again.
  const close: Record<string, string> = error.status === 413 ? { connection: 'close' } : {}
  sendJson(response, error.status, errorBody(error), { ...errorHeaders(error), ...close })
}

/** Reads a JSON body up to the limit; the server's request timeout is its deadline. */
export function readJson(request: IncomingMessage, onRead: (result: BodyResult) => void): void {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) return onRead(tooLarge())
  const chunks: Buffer[] = []
  let bytes = 0
  let settled = false
  const settle = (result: BodyResult): void => {
    if (settled) return
    settled = true
    chunks.length = 0
    onRead(result)
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (settled) return
    if (bytes > BODY_BYTES_MAX) {
      request.pause()
      settle(tooLarge())
    } else chunks.push(chunk)
  })
  request.once('end', () => {
    settle(parseJson(Buffer.concat(chunks).toString('utf8')))
  })
  request.once('close', () => {
    settle({ kind: 'gone' })
  })
}

function parseJson(text: string): BodyResult {
  try {
    return { kind: 'ok', value: JSON.parse(text) as unknown }
  } catch {
    return refused('We could not parse the JSON body of your request.')
  }
}

function tooLarge(): BodyResult {
  const message = `The request body is larger than ${BODY_BYTES_MAX} bytes.`
  return refused(message, null, 'request_too_large', 413)
}
