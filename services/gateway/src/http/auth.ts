import { hash, timingSafeEqual } from 'node:crypto'
import {
  admit,
  given,
  SCOPES,
  type KeyLimits,
  type Principal,
  type Scope,
} from '@agentfleet/domain'
import type { FastifyRequest } from 'fastify'
import { DEFAULT_TENANT, type ConfiguredKey } from '../config.ts'
import type { KeyDirectory } from '../principals/key-directory.ts'
import type { NewestKeys } from '../principals/newest-keys.ts'
import { configuredKeyId, parseToken } from '../principals/tokens.ts'
import { isoTime } from '../tasks/views.ts'
import { Refusal } from './problems.ts'

/** The subprotocol of the stream; a client may offer a key together with it, as `bearer.<key>`. */
export const STREAM_PROTOCOL = 'agentfleet'
const KEY_PROTOCOL_PREFIX = 'bearer.'
const BEARER = 'Bearer '
const BEARER_PATTERN = /^bearer /i
/** What a ticket for a stream begins with. */
export const TICKET_PREFIX = 'aft_'
/** A page uses its ticket at once. */
export const TICKET_LIFETIME_S = 30

const KEY_WANTED = 'Send a valid API key as Authorization: Bearer <key>.'
const TICKET_WANTED = `This ticket is unknown, used or expired: a ticket opens one stream, within ${TICKET_LIFETIME_S} s. Get another ticket with POST /v1/tickets.`
const TICKET_AS_KEY = `A ticket is not an API key: it opens one stream, in the query of GET /v1/stream. ${KEY_WANTED}`

const KEYS_UNREAD = new Refusal(
  'bus-unavailable',
  'The gateway has not read the keys yet. Send the request again after Retry-After seconds.',
)

/** What an operation asks of its caller. */
export interface Needs {
  /** Undefined: any valid key may use the operation. */
  readonly scope: Scope | undefined
  /** Whether the key may stand in the address or in a subprotocol, as on the stream. */
  readonly stream: boolean
}

/** Returns the caller of the request; throws a Refusal if it may not use the operation. */
export type Authenticate = (request: FastifyRequest, needs: Needs) => Principal | Promise<Principal>

/** Finds the caller of a credential that came from this address, without I/O wherever possible. */
export type FindCaller = (
  credential: string,
  address: string,
) => Principal | undefined | Promise<Principal | undefined>

/** The sources of callers. Without keys, admin key and tokens the gateway is open: every caller may do everything. */
export interface Credentials {
  readonly keys: readonly ConfiguredKey[]
  /** The limits of each of these keys; absent: they have none. */
  readonly keyLimits?: KeyLimits | undefined
  readonly adminKey?: string | undefined
  readonly directory: Pick<KeyDirectory, 'holder' | 'current'>
  readonly newest?: NewestKeys
  /** Verifies a JWT. */
  readonly verify?: FindCaller | undefined
  /** Uses up a ticket. */
  readonly ticket?: FindCaller
  readonly nowMs: () => number
}

/** Every scope except `admin`, which concerns all tenants. */
const TENANT_SCOPES = SCOPES.filter((scope) => scope !== 'admin')
/** Names the callers of an open gateway. */
export const OPEN_KEY_ID = 'open'
/** The caller of an open gateway. */
const OPEN: Principal = { keyId: OPEN_KEY_ID, tenant: DEFAULT_TENANT, scopes: SCOPES }

/** Creates the check of callers. */
export function createAuthenticate(credentials: Credentials): Authenticate {
  const { ticket, nowMs } = credentials
  const find = createFind(credentials)
  const admitted = (
    request: FastifyRequest,
    principal: Principal | undefined,
    scope: Scope | undefined,
    wanted: string,
  ): Principal => {
    if (principal === undefined) throw new Refusal('unauthorized', wanted)
    // Known before the check, so that the record of a refusal names the key.
    request.principal = principal
    requireAdmitted(principal, scope, nowMs())
    return principal
  }
  return (request, { scope, stream }) => {
    const offered = stream ? (request.query as { ticket?: unknown }).ticket : undefined
    const isTicket = typeof offered === 'string'
    const key = isTicket ? undefined : presentedKey(request, stream)
    const found = isTicket ? ticket?.(offered, request.ip) : find(key, request.ip)
    const wanted = isTicket ? TICKET_WANTED : wantedInPlaceOf(key)
    if (found instanceof Promise)
      return found.then((principal) => admitted(request, principal, scope, wanted))
    return admitted(request, found, scope, wanted)
  }
}

function wantedInPlaceOf(key: string | undefined): string {
  return key?.startsWith(TICKET_PREFIX) === true ? TICKET_AS_KEY : KEY_WANTED
}

/** Finds callers in this order: keys of the API, keys of the configuration, tokens. */
function createFind({ keys, keyLimits: limits, adminKey, directory, newest, verify }: Credentials) {
  const known = new Map(
    keys.map(({ tenant, key }) =>
      configured(key, {
        keyId: configuredKeyId(key),
        tenant,
        scopes: TENANT_SCOPES,
        ...given({ limits }),
      }),
    ),
  )
  if (adminKey !== undefined) known.set(...configured(adminKey, { ...OPEN, keyId: 'env-admin' }))
  const open = known.size === 0 && verify === undefined

  return (credential: string | undefined, address: string): ReturnType<FindCaller> => {
    if (credential === undefined) return open ? OPEN : undefined
    const token = parseToken(credential)
    if (token !== undefined) {
      if (!directory.current()) throw KEYS_UNREAD
      const holder = directory.holder(token)
      if (holder !== undefined) return holder
      return newest?.().then(() => directory.holder(token))
    }
    if (open) return OPEN
    if (known.size === 0) return verify?.(credential, address)
    const digest = digestOf(credential)
    // The digest of a guess says nothing about a key, so a lookup by this digest reveals no key.
    const entry = known.get(digest.toString('base64'))
    if (entry !== undefined && timingSafeEqual(entry.digest, digest)) return entry.principal
    return verify?.(credential, address)
  }
}

function configured(key: string, principal: Principal) {
  const digest = digestOf(key)
  return [digest.toString('base64'), { digest, principal }] as const
}

/** Throws a Refusal if the principal may not use an operation of this scope now. */
function requireAdmitted(principal: Principal, scope: Scope | undefined, nowMs: number): void {
  const outcome = admit(principal, scope, nowMs)
  if (outcome.kind === 'allowed') return
  if (outcome.reason === 'scope') {
    const { scopes } = principal
    const has = scopes.length === 0 ? 'none' : scopes.join(', ')
    throw new Refusal(
      'scope-missing',
      `This operation needs a key with the scope ${scope}; your key has ${has}.`,
    )
  }
  throw new Refusal('unauthorized', endedDetail(outcome.reason, principal))
}

function endedDetail(
  reason: 'revoked' | 'expired' | 'rotated',
  { expiresAtMs, revokedAtMs, secretUntilMs }: Principal,
): string {
  const atMs = { revoked: revokedAtMs, expired: expiresAtMs, rotated: secretUntilMs }[reason]
  const when = atMs === undefined || atMs === 0 ? '' : ` at ${isoTime(atMs)}`
  switch (reason) {
    case 'revoked':
      return `An admin revoked this key${when}; ask for another key.`
    case 'expired':
      return `This key expired${when}; ask for a new key.`
    case 'rotated':
      return `An admin rotated this key, and its former secret ended${when}; use the new secret.`
  }
}

function presentedKey({ headers, query }: FastifyRequest, stream: boolean): string | undefined {
  const { authorization = '' } = headers
  const key = authorization.slice(BEARER.length)
  const named = authorization.startsWith(BEARER) || BEARER_PATTERN.test(authorization)
  if (named && key !== '' && !key.includes(' ')) return key
  if (!stream) return undefined
  const inQuery = (query as { access_token?: unknown }).access_token
  if (typeof inQuery === 'string') return inQuery
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim())
  const protocol = offered.find((word) => word.startsWith(KEY_PROTOCOL_PREFIX))
  return protocol?.slice(KEY_PROTOCOL_PREFIX.length)
}

function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}
