import { createHash, timingSafeEqual } from 'node:crypto'
import { ConfigError } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import type { ApiKey } from '../config.ts'
import { Refusal } from './problems.ts'

/** Whose request it is when no keys are configured. */
export const DEFAULT_TENANT = 'default'
/** The subprotocol of the stream; a key may be offered beside it as `bearer.<key>`. */
export const STREAM_PROTOCOL = 'agentfleet'
const KEY_PROTOCOL_PREFIX = 'bearer.'

/** Tells whose request it is; throws a Refusal when it is nobody's. */
export type Authenticate = (request: FastifyRequest, stream: boolean) => string

/** Checks keys in constant time: all of them, always, by their digests. */
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

/**
 * The tenants whose keys are an operator's, who sees what concerns the whole fleet; without keys it is
 * everyone. Throws ConfigError for a name that no key belongs to.
 */
export function parseOperators(
  tenants: readonly string[],
  keys: readonly ApiKey[],
): ReadonlySet<string> {
  if (keys.length === 0) return new Set([DEFAULT_TENANT])
  const problems = tenants
    .filter((name) => !keys.some(({ tenant }) => tenant === name))
    .map((name) => `OPERATOR_TENANTS: no key of API_KEYS is of the tenant ${name}`)
  if (problems.length > 0) throw new ConfigError(problems)
  return new Set(tenants)
}

/**
 * Whether a web page of this origin may open the stream. Browsers let any page connect anywhere and
 * would send it along with what they know of us; programs send no origin.
 */
export function originAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host
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
