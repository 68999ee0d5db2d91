import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { DEFAULT_TENANT, type ApiKey } from '../config.ts'
import { Refusal } from './problems.ts'

/** The subprotocol of the stream; a client may offer a key beside it as `bearer.<key>`. */
export const STREAM_PROTOCOL = 'agentfleet'
const KEY_PROTOCOL_PREFIX = 'bearer.'

/** Returns the tenant of the request; throws a Refusal if its key is missing or unknown. */
export type Authenticate = (request: FastifyRequest, stream: boolean) => string

/** Compares the digests of all keys every time, so that timing reveals no key. */
export function createAuthenticate(keys: readonly ApiKey[]): Authenticate {
  if (keys.length === 0) return () => DEFAULT_TENANT
  const known = keys.map(({ tenant, key }) => ({ tenant, digest: digestOf(key) }))
  return (request, stream) => {
    const key = presentedKey(request, stream)
    let found: string | undefined
    if (key !== undefined) {
      const digest = digestOf(key)
      for (const entry of known) {
        if (timingSafeEqual(entry.digest, digest)) found = entry.tenant
      }
    }
    if (found === undefined) {
      throw new Refusal('unauthorized', 'Send a valid API key as Authorization: Bearer <key>.')
    }
    return found
  }
}

function presentedKey({ headers, query }: FastifyRequest, stream: boolean): string | undefined {
  const [scheme, key] = (headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() === 'bearer' && key) return key
  if (!stream) return undefined
  const inQuery = (query as { access_token?: unknown }).access_token
  if (typeof inQuery === 'string') return inQuery
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim())
  const protocol = offered.find((word) => word.startsWith(KEY_PROTOCOL_PREFIX))
  return protocol?.slice(KEY_PROTOCOL_PREFIX.length)
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
