import { hash, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import { principalOf, type ApiKey, type Principal } from '@agentfleet/domain'

/** The parts of a key: `af_<id>_<secret>`. */
export interface KeyToken {
  readonly id: string
  readonly secret: string
}

/** No two of these look alike in print. */
const ID_ALPHABET = 'abcdefghijkmnopqrstuvwxyz2345678'
/** 60 bits: ids of one fleet do not meet. */
const ID_CHARS = 12
/** 256 bits cannot be guessed, so a fast digest protects the secret. */
const SECRET_BYTES = 32
const TOKEN_PATTERN = /^af_[a-z2-8]{12}_[A-Za-z0-9_-]{43}$/
const ID_AT = 3
const SECRET_AT = ID_AT + ID_CHARS + 1

/** Draws a new id. */
export function newKeyId(): string {
  return Array.from(randomBytes(ID_CHARS), (byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join(
    '',
  )
}

/** Draws a new secret. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/** A guess of a key costs about ten milliseconds to compare with its id. */
const CONFIGURED_ID = { bytes: 4, cost: 4_096 }

/** The id of a key of the configuration; it stays the same when other keys come and go. */
export function configuredKeyId(key: string): string {
  const { bytes, cost } = CONFIGURED_ID
  return `env-${scryptSync(key, 'agentfleet', bytes, { cost }).toString('hex')}`
}

/** The key as its holder sends it. */
export function tokenOf({ id, secret }: KeyToken): string {
  return `af_${id}_${secret}`
}

/** The parts of a presented key; undefined for a text in another form. */
export function parseToken(text: string): KeyToken | undefined {
  if (!TOKEN_PATTERN.test(text)) return undefined
  return { id: text.slice(ID_AT, SECRET_AT - 1), secret: text.slice(SECRET_AT) }
}

/** The digest of a secret, in its stored form. */
export function digestOf(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

/** The caller that each secret of a key identifies, made once for each version of the key. */
export type Holders = readonly Holder[]

interface Holder {
  readonly digest: Buffer
  readonly principal: Principal
  /** The secret with this digest, once a caller has sent it: a comparison costs a tenth of a digest. */
  secret?: Buffer
}

/** The callers of a key; one whose secret has ended is among them, so that its refusal can say so. */
export function holdersOf(key: ApiKey): Holders {
  return key.secrets.map((secret) => ({
    digest: Buffer.from(secret.digest),
    principal: principalOf(key, secret),
  }))
}

/** The caller with this secret; it takes the same time for every wrong secret. */
export function holderWith(holders: Holders, secret: string): Principal | undefined {
  const presented = Buffer.from(secret)
  for (const holder of holders) {
    if (holder.secret !== undefined && isSame(holder.secret, presented)) return holder.principal
  }
  // As text: a digest that is made as a buffer costs three times as much, for every request.
  const digest = Buffer.from(digestOf(secret))
  let found: Holder | undefined
  for (const holder of holders) if (isSame(holder.digest, digest)) found = holder
  if (found !== undefined) found.secret = presented
  return found?.principal
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
