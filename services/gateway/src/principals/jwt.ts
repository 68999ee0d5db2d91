import { createHash } from 'node:crypto'
import { SCOPES, type Principal } from '@agentfleet/domain'
import { TOKEN_PATTERN } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import type { GatewayConfig } from '../config.ts'
import type { FindCaller } from '../http/auth.ts'
import { Refusal } from '../http/problems.ts'

/**
 * JWTs of one issuer. The issuer, the audience and the algorithms are fixed by the configuration; a token cannot
 * choose them (RFC 8725).
 *
 * A verified token is remembered by its digest for REMEMBERED_MS, so that a busy caller costs one signature
 * check in that time. Invariant (L7): at most REMEMBERED_MAX tokens are remembered.
 */

/** A key that the issuer has withdrawn counts for at most this much longer, milliseconds. */
const REMEMBERED_MS = 60_000
/** About 500 bytes each. */
const REMEMBERED_MAX = 10_000
/** Tokens of real issuers stay below; a longer text is not hashed. */
const TOKEN_CHARS_MAX = 8_192
/** Clocks of issuer and gateway differ by less, seconds. */
const SKEW_S = 5
/** Waits for the keys of the issuer, milliseconds. */
const JWKS_WITHIN_MS = 3_000
/** Unknown key ids make the gateway ask the issuer again, but not more often than this, milliseconds. */
const JWKS_COOLDOWN_MS = 10_000
const SUBJECT_CHARS_MAX = 100
/** Three parts, each in base64url. */
const JWT_PATTERN = /^[\w-]+\.[\w-]+\.[\w-]+$/

type JwtConfig = Pick<
  GatewayConfig,
  | 'JWT_ISSUER'
  | 'JWT_AUDIENCE'
  | 'JWT_JWKS_URL'
  | 'JWT_ALGORITHMS'
  | 'JWT_TENANT_CLAIM'
  | 'JWT_SCOPE_CLAIM'
>

/** Creates the check of tokens; undefined if the configuration names no issuer. */
export function createTokenVerifier(
  config: JwtConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): FindCaller | undefined {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwksUrl } = config
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) return undefined
  const fixed = { issuer, audience, algorithms: [...config.JWT_ALGORITHMS] }
  const keySet = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: JWKS_WITHIN_MS,
    cooldownDuration: JWKS_COOLDOWN_MS,
  })
  const remembered = new Map<string, { principal: Principal; untilMs: number }>()

  async function verify(token: string, digest: string): Promise<Principal | undefined> {
    try {
      const { payload } = await jwtVerify(token, keySet, {
        ...fixed,
        clockTolerance: SKEW_S,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(clock.nowMs()),
      })
      const principal = principalIn(payload, config)
      if (principal === undefined) return undefined
      remembered.set(digest, { principal, untilMs: clock.monotonicMs() + REMEMBERED_MS })
      const [oldest = ''] = remembered.size > REMEMBERED_MAX ? remembered.keys() : []
      remembered.delete(oldest)
      return principal
    } catch (error) {
      if (isWrongToken(error)) return undefined
      log.warn({ err: error }, 'The gateway could not read the keys of the token issuer')
      throw new Refusal(
        'issuer-unavailable',
        'The gateway cannot read the keys of the token issuer. Send the request again after Retry-After seconds.',
      )
    }
  }

  return (token) => {
    if (token.length > TOKEN_CHARS_MAX || !JWT_PATTERN.test(token)) return undefined
    const digest = createHash('sha256').update(token).digest('base64')
    const known = remembered.get(digest)
    if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.principal
    return verify(token, digest)
  }
}

/** Whether the token is at fault, as opposed to the keys of the issuer being out of reach. */
function isWrongToken(error: unknown): boolean {
  return (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  )
}

/** The caller that the claims describe; undefined if they name no tenant. */
export function principalIn(
  payload: JWTPayload,
  { JWT_TENANT_CLAIM, JWT_SCOPE_CLAIM }: Pick<JwtConfig, 'JWT_TENANT_CLAIM' | 'JWT_SCOPE_CLAIM'>,
): Principal | undefined {
  const tenant = claim(payload, JWT_TENANT_CLAIM)
  const { sub, exp } = payload
  if (typeof tenant !== 'string' || !TOKEN_PATTERN.test(tenant) || sub === undefined)
    return undefined
  const said = claim(payload, JWT_SCOPE_CLAIM)
  const words: readonly unknown[] = typeof said === 'string' ? said.split(' ') : [said].flat()
  return {
    keyId: `jwt:${sub.slice(0, SUBJECT_CHARS_MAX)}`,
    tenant,
    scopes: SCOPES.filter((scope) => words.includes(scope)),
    ...(exp === undefined ? {} : { expiresAtMs: exp * 1_000 }),
  }
}

/** The value of a claim by its whole name, or by the names of nested claims with dots between them. */
function claim(payload: object, name: string): unknown {
  if (Object.hasOwn(payload, name)) return (payload as Record<string, unknown>)[name]
  let value: unknown = payload
  for (const part of name.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}
