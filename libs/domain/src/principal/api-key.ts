import { given } from '../collections/given.ts'
import type { KeyLimits, Principal, Scope } from './admit.ts'

/** One secret of a key, as a digest. */
export interface KeySecret {
  /** SHA-256 of the secret, in base64url. */
  readonly digest: string
  /** The end of the overlap after a rotation; absent: valid as long as the key. */
  readonly untilMs?: number
}

/** A key as the stream KEYS holds it; it contains no secret. */
export interface ApiKey {
  readonly id: string
  /** What the key is for, in the words of its maker. */
  readonly name: string
  readonly tenant: string
  readonly scopes: readonly Scope[]
  readonly agents?: readonly string[]
  readonly limits?: KeyLimits
  readonly createdAtMs: number
  /** The key that made it. */
  readonly createdBy: string
  readonly expiresAtMs?: number
  readonly revokedAtMs?: number
  /** The newest secret stands last. */
  readonly secrets: readonly KeySecret[]
}

/** Limits of the fields of a key. */
export const KEY_LIMITS = {
  nameCharsMax: 100,
  agentsMax: 50,
  requestsPerMinuteMax: 1_000_000,
  concurrentMax: 100_000,
} as const
/** The newest secret, and the one before it until the end of the overlap. */
export const KEY_SECRETS_MAX = 2

/** A revoked or expired key is listed for 30 days, for those who look for a failure; then it is forgotten. */
const KEPT_MS = 30 * 24 * 3_600_000

/** When the key stopped or stops to work; Infinity if never. */
export function endOf({ revokedAtMs, expiresAtMs }: ApiKey): number {
  return Math.min(revokedAtMs ?? Infinity, expiresAtMs ?? Infinity)
}

/** Whether the key ended so long ago that it is forgotten. */
export function isOver(key: ApiKey, nowMs: number): boolean {
  return endOf(key) + KEPT_MS <= nowMs
}

/** Enough to tell the secrets of one key apart, and not enough to find one. */
const SECRET_ID_CHARS = 8

/** The name of a secret: the start of its digest. */
function secretIdOf({ digest }: KeySecret): string {
  return digest.slice(0, SECRET_ID_CHARS)
}

/** The caller that this secret of a key identifies. */
export function principalOf(key: ApiKey, secret: KeySecret): Principal {
  const { id, tenant, scopes, agents, limits, expiresAtMs, revokedAtMs } = key
  return {
    keyId: id,
    tenant,
    scopes,
    secretId: secretIdOf(secret),
    ...given({ secretUntilMs: secret.untilMs, agents, limits, expiresAtMs, revokedAtMs }),
  }
}

/** The caller as its key is now; a secret that the key has no longer has ended. */
export function principalNow(principal: Principal, key: ApiKey): Principal {
  const secret = key.secrets.find((each) => secretIdOf(each) === principal.secretId)
  return principalOf(key, secret ?? { digest: principal.secretId ?? '', untilMs: 0 })
}

/** The secrets that have not ended. */
export function validSecrets({ secrets }: ApiKey, nowMs: number): readonly KeySecret[] {
  return secrets.filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs)
}

/** The key with a new secret; the previous secret stays valid for the overlap, and older secrets end now. */
export function rotatedKey(key: ApiKey, digest: string, nowMs: number, overlapMs: number): ApiKey {
  const endMs = nowMs + overlapMs
  const kept = validSecrets(key, nowMs)
    .slice(1 - KEY_SECRETS_MAX)
    .map((secret) => ({ ...secret, untilMs: Math.min(secret.untilMs ?? endMs, endMs) }))
  return { ...key, secrets: [...(overlapMs > 0 ? kept : []), { digest }] }
}
