import { hash, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import { validSecrets, type ApiKey } from '@agentfleet/domain'

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
const TOKEN_PATTERN = /^af_([a-z2-8]{12})_([A-Za-z0-9_-]{43})$/

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
  const [, id, secret] = TOKEN_PATTERN.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** The digest of a secret, in its stored form. */
export function digestOf(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

/** Whether the secret belongs to the key now; takes the same time for every wrong secret. */
export function hasSecret(key: ApiKey, secret: string, nowMs: number): boolean {
  const presented = Buffer.from(digestOf(secret))
  let found = false
  for (const { digest } of validSecrets(key, nowMs)) {
    const stored = Buffer.from(digest)
    if (stored.length === presented.length && timingSafeEqual(stored, presented)) found = true
  }
  return found
}
