import { createHash, timingSafeEqual } from 'node:crypto'
import { admit, SCOPES, type Principal, type Scope } from '@agentfleet/domain'
import type { FastifyRequest } from 'fastify'
import { DEFAULT_TENANT, type ApiKey } from '../config.ts'
import { Refusal } from './problems.ts'

/** The subprotocol of the stream; a client may offer a key together with it, as `bearer.<key>`. */
export const STREAM_PROTOCOL = 'agentfleet'
const KEY_PROTOCOL_PREFIX = 'bearer.'

/** What an operation asks of its caller. */
export interface Needs {
  /** Undefined: any valid key may use the operation. */
  readonly scope: Scope | undefined
  /** Whether the key may stand in the address or in a subprotocol, as on the stream. */
  readonly stream: boolean
}

/** Returns the caller of the request; throws a Refusal if it may not use the operation. */
export type Authenticate = (request: FastifyRequest, needs: Needs) => Principal

/** Every scope except `admin`, which concerns all tenants. */
const TENANT_SCOPES = SCOPES.filter((scope) => scope !== 'admin')
/** The caller of a gateway without keys. */
const OPEN: Principal = { keyId: 'open', tenant: DEFAULT_TENANT, scopes: SCOPES }

/** Finds callers by the keys of the configuration; without keys every caller may do everything. */
export function createAuthenticate(
  keys: readonly ApiKey[],
  nowMs: () => number = Date.now,
): Authenticate {
  const known = new Map(
    keys.map(({ tenant, key }, index) => {
      const digest = digestOf(key)
      const principal = { keyId: `env-${index + 1}`, tenant, scopes: TENANT_SCOPES }
      return [digest.toString('base64'), { digest, principal }] as const
    }),
  )
  const find = (key: string): Principal | undefined => {
    const digest = digestOf(key)
    // The digest of a guess says nothing about a key, so a lookup by it reveals none.
    const entry = known.get(digest.toString('base64'))
    return entry && timingSafeEqual(entry.digest, digest) ? entry.principal : undefined
  }
  return (request, { scope, stream }) => {
    if (keys.length === 0) return OPEN
    const key = presentedKey(request, stream)
    const principal = key === undefined ? undefined : find(key)
    if (principal === undefined) {
      throw new Refusal('unauthorized', 'Send a valid API key as Authorization: Bearer <key>.')
    }
    requireAdmitted(principal, scope, nowMs())
    return principal
  }
}

/** Throws a Refusal if the principal may not use an operation of this scope now. */
export function requireAdmitted(
  principal: Principal,
  scope: Scope | undefined,
  nowMs: number,
): void {
  const admitted = admit(principal, scope, nowMs)
  if (admitted.kind === 'allowed') return
  if (admitted.reason === 'scope') {
    const { scopes } = principal
    const has = scopes.length === 0 ? 'none' : scopes.join(', ')
    throw new Refusal(
      'scope-missing',
      `This operation needs a key with the scope ${scope}; yours has ${has}.`,
    )
  }
  throw new Refusal(
    'unauthorized',
    admitted.reason === 'revoked'
      ? 'This key is revoked. Use another key.'
      : 'This key has expired. Use another key.',
  )
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
