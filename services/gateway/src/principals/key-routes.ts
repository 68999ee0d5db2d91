import type { Keys, StoredKey } from '@agentfleet/adapters'
import { endOf, given, rotatedKey, type ApiKey, type Principal } from '@agentfleet/domain'
import type {
  FilledQueryOf,
  KeyCreated,
  KeyPage,
  KeyRequest,
  KeyRotation,
  KeyView,
  MeView,
} from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { nextOf, positionOf } from '../lists/cursor.ts'
import { listingName } from '../lists/filters.ts'
import { Refusal, wrongField } from '../http/problems.ts'
import { refuseIdempotencyKey } from '../tasks/spec.ts'
import { isoTime } from '../tasks/views.ts'
import type { KeyDirectory } from './key-directory.ts'
import { digestOf, newKeyId, newSecret, tokenOf } from './tokens.ts'

/** Dependencies of the key routes. */
export interface KeyRouteDeps {
  readonly keys: Pick<Keys, 'last' | 'store' | 'fill'>
  readonly directory: KeyDirectory
  /**
   * Rejects with a Refusal if the key of the request has ended at any gateway, so that a stolen admin key makes no
   * key after the answer to its revocation.
   */
  readonly requireNewest: (request: FastifyRequest) => Promise<void>
  readonly nowMs: () => number
}

/** Compare-and-set rounds. In each round one writer finishes, so this many changes of one key at once all succeed. */
const STORE_TRIES = 50
/** Above this share of the stream only revocations and rotations are stored. */
const FILL_MAX = 0.8
/** What a client does in place of an idempotency key. */
const NEW_SECRET =
  'because each such request makes a new secret; if an answer is lost, read GET /v1/keys and revoke the key that is not needed'
/** A day: clients get the new secret with their next release. */
const OVERLAP_DEFAULT_S = 86_400

const KEY_NOT_FOUND = new Refusal('key-not-found', 'Check the id; GET /v1/keys lists the keys.')
const KEYS_FULL = new Refusal(
  'keys-full',
  'The store of keys is nearly full; nothing was stored. Revoke keys that no client uses; the fleet deletes a revoked key after 30 days.',
)

/** Creates the handlers of `/v1/keys…` and `/v1/me` by operationId. */
export function keyRoutes(deps: KeyRouteDeps) {
  const { keys, directory, requireNewest, nowMs } = deps
  const idOf = (request: FastifyRequest) => (request.params as { id: string }).id

  return {
    async createKey(request: FastifyRequest, reply: FastifyReply): Promise<KeyCreated> {
      refuseIdempotencyKey(request, NEW_SECRET)
      const body = request.body as KeyRequest
      const expiresAtMs = expiryOf(body, nowMs())
      await requireNewest(request)
      if ((await keys.fill()) > FILL_MAX) throw KEYS_FULL
      const id = newKeyId()
      const secret = newSecret()
      const { name, tenant, scopes, agents, limits } = body
      const key: ApiKey = {
        id,
        name,
        tenant,
        scopes,
        createdAtMs: nowMs(),
        createdBy: request.principal?.keyId ?? '',
        secrets: [{ digest: digestOf(secret) }],
        ...given({ agents, limits, expiresAtMs }),
      }
      const outcome = await keys.store(key, 0)
      if (outcome.kind !== 'stored') throw KEYS_FULL
      directory.take({ key, seq: outcome.seq })
      void reply.code(201).header('location', `/v1/keys/${id}`)
      return createdView(key, secret, nowMs())
    },
    listKeys(request: FastifyRequest): Promise<KeyPage> {
      const { tenant, limit, cursor } = request.query as FilledQueryOf<'listKeys', 'limit'>
      const listing = listingName('keys', { tenant })
      const { after = '' } = positionOf(cursor, listing)
      const found = directory.list(tenant).filter(({ key }) => key.id > after)
      const page = found.slice(0, limit).map(({ key }: StoredKey) => keyView(key, nowMs()))
      const last = page.at(-1)
      const next = found.length > limit ? last?.id : undefined
      return Promise.resolve({ keys: page, ...nextOf(listing, next) })
    },
    async getKey(request: FastifyRequest): Promise<KeyView> {
      const stored = directory.find(idOf(request)) ?? (await keys.last(idOf(request)))
      if (stored === undefined) throw KEY_NOT_FOUND
      return keyView(stored.key, nowMs())
    },
    async revokeKey(request: FastifyRequest, reply: FastifyReply) {
      await requireNewest(request)
      await change(deps, idOf(request), (key) => {
        request.unchanged = key.revokedAtMs !== undefined
        return request.unchanged ? undefined : { ...key, revokedAtMs: nowMs() }
      })
      return reply.code(204).send()
    },
    async rotateKey(request: FastifyRequest): Promise<KeyCreated> {
      refuseIdempotencyKey(request, NEW_SECRET)
      const { overlapSeconds = OVERLAP_DEFAULT_S } = (request.body ?? {}) as KeyRotation
      await requireNewest(request)
      const secret = newSecret()
      const key = await change(deps, idOf(request), (before) => {
        if (endOf(before) <= nowMs()) throw keyEnded(before)
        return rotatedKey(before, digestOf(secret), nowMs(), overlapSeconds * 1_000)
      })
      return createdView(key, secret, nowMs())
    },
    getMe: (request: FastifyRequest): Promise<MeView> =>
      Promise.resolve(meView(request.principal as Principal)),
  }
}

/** Stores the key that `next` makes from the newest version; `undefined` leaves it unchanged. */
async function change(
  { keys, directory }: KeyRouteDeps,
  id: string,
  next: (key: ApiKey) => ApiKey | undefined,
): Promise<ApiKey> {
  for (let tries = 0; tries < STORE_TRIES; tries += 1) {
    const stored = await keys.last(id)
    if (stored === undefined) throw KEY_NOT_FOUND
    const made = next(stored.key)
    if (made === undefined) return stored.key
    const outcome = await keys.store(made, stored.seq)
    if (outcome.kind === 'full') throw KEYS_FULL
    if (outcome.kind !== 'stored') continue
    directory.take({ key: made, seq: outcome.seq })
    return made
  }
  throw new Refusal(
    'overloaded',
    'Other clients are changing this key now. Send the request again.',
  )
}

function expiryOf({ expiresAt }: KeyRequest, nowMs: number): number | undefined {
  if (expiresAt === undefined) return undefined
  const atMs = Date.parse(expiresAt)
  if (atMs > nowMs) return atMs
  // A leap second has the right form but no timestamp.
  if (Number.isNaN(atMs)) {
    throw wrongField('/expiresAt', 'must be a time such as 2026-01-31T12:00:00Z')
  }
  throw wrongField('/expiresAt', 'must be a time in the future')
}

function keyView(key: ApiKey, nowMs: number): KeyView {
  const { id, name, tenant, scopes, agents, limits, createdBy } = key
  const { createdAtMs, expiresAtMs, revokedAtMs } = key
  const expired = expiresAtMs !== undefined && expiresAtMs <= nowMs
  const state = revokedAtMs !== undefined ? 'revoked' : expired ? 'expired' : 'active'
  const overlap = key.secrets.find(({ untilMs }) => untilMs !== undefined && untilMs > nowMs)
  return {
    id,
    name,
    tenant,
    scopes: [...scopes],
    state,
    createdAt: isoTime(createdAtMs),
    createdBy,
    ...given({
      agents: agents && [...agents],
      limits,
      expiresAt: timeIn(expiresAtMs),
      revokedAt: timeIn(revokedAtMs),
      // A key that has ended takes no secret, neither its newest nor a former one.
      formerSecretUntil: timeIn(state === 'active' ? overlap?.untilMs : undefined),
    }),
  }
}

function timeIn(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : isoTime(atMs)
}

function createdView(key: ApiKey, secret: string, nowMs: number): KeyCreated {
  return { ...keyView(key, nowMs), key: tokenOf({ id: key.id, secret }) }
}

function meView({ keyId, tenant, scopes, agents, limits, expiresAtMs }: Principal): MeView {
  return {
    keyId,
    tenant,
    scopes: [...scopes],
    ...given({ agents: agents && [...agents], limits, expiresAt: timeIn(expiresAtMs) }),
  }
}

function keyEnded({ revokedAtMs }: ApiKey): Refusal {
  const state = revokedAtMs === undefined ? 'has expired' : 'is revoked'
  return new Refusal('key-revoked', `This key ${state}; make another key.`)
}
