import { hash } from 'node:crypto'
import { createOwnedMap, given, keyLimits, SCOPES, type Principal } from '@agentfleet/domain'
import { TOKEN_PATTERN } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import { errors, jwtVerify, type JWTPayload } from 'jose'
import type { GatewayConfig } from '../../config.ts'
import type { FindCaller } from '../../http/auth.ts'
import { Refusal } from '../../http/problems.ts'
import { createIssuerKeys } from './issuer-keys.ts'

/**
 * JWTs of one issuer. The issuer, the audience, the algorithms and the address of the keys are fixed by the
 * configuration; a token cannot choose them (RFC 8725).
 *
 * A verified token is remembered by its digest for REMEMBERED_MS, so that a busy caller costs one signature
 * check in that time. Invariant (L7): at most `rememberedMax` tokens are remembered, and no tenant makes the gateway
 * forget tokens of a tenant that has fewer.
 */

/** A key that the issuer has withdrawn counts for at most this much longer, milliseconds. */
const REMEMBERED_MS = 60_000
/** About 700 bytes each. */
const REMEMBERED_MAX = 10_000
/** Tokens of real issuers stay below; a longer text is not hashed. */
const TOKEN_CHARS_MAX = 8_192
/** Clocks of issuer and gateway differ by less, seconds. */
const SKEW_S = 5
/** A subject is part of the caller's name in events and logs; OpenID Connect allows 255 characters. */
const SUBJECT_CHARS_MAX = 96
/**
 * Of a longer subject; a mark and 16 characters of a digest follow. So the name of a longer subject has one character
 * more than a subject that is a name, and two subjects are two callers.
 */
const SUBJECT_START_CHARS = 80
const SUBJECT_DIGEST_CHARS = 16
/** The latest time that a date can show, milliseconds. */
const TIME_MAX_MS = 8.64e15
/** Begins the name of a caller with a token; the id of no key begins so. */
export const JWT_KEY_PREFIX = 'jwt:'
/** Three parts, each in base64url. */
const JWT_PATTERN = /^[\w-]+\.[\w-]+\.[\w-]+$/

type JwtConfig = Pick<GatewayConfig, Extract<keyof GatewayConfig, `JWT_${string}`>>

interface Remembered {
  readonly principal: Principal
  readonly untilMs: number
}

/** Creates the check of tokens; undefined if the configuration names no issuer. It throws a Refusal for a wrong token. */
export function createTokenVerifier(
  config: JwtConfig,
  {
    clock,
    log,
    mayCheck,
    rememberedMax = REMEMBERED_MAX,
  }: {
    readonly clock: Clock
    readonly log: Logger
    /** Tokens that are remembered. */
    readonly rememberedMax?: number
    /** Whether a token from this address may cost a check of its signature. */
    readonly mayCheck: (address: string) => boolean
  },
): FindCaller | undefined {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwksUrl } = config
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) return undefined
  const fixed = { issuer, audience, algorithms: [...config.JWT_ALGORITHMS] }
  const keys = createIssuerKeys(new URL(jwksUrl), { clock, log })
  const limits = keyLimits(config.JWT_REQUESTS_PER_MINUTE, config.JWT_CONCURRENT)
  const remembered = createOwnedMap<Remembered>(rememberedMax)

  async function verify(token: string, digest: string): Promise<Principal> {
    const nowMs = clock.nowMs()
    const generation = keys.generation()
    const check = () =>
      jwtVerify(token, keys.find, {
        ...fixed,
        clockTolerance: SKEW_S,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(nowMs),
      })
    const { payload } = await check()
      .catch(async (error: unknown) => {
        // An issuer may replace a key and keep its id.
        const wrong = error instanceof errors.JWSSignatureVerificationFailed
        if (!wrong || !(await keys.renewed(generation))) throw error
        return await check()
      })
      .catch((error: unknown) => {
        throw refusalOf(error)
      })
    const { iat } = payload
    if (iat !== undefined && iat > nowMs / 1_000 + SKEW_S) throw wrongClaim('iat')
    const principal = { ...principalIn(payload, config), ...given({ limits }) }
    const untilMs = clock.monotonicMs() + REMEMBERED_MS
    remembered.set(principal.tenant, digest, { principal, untilMs })
    return principal
  }

  return (token, address) => {
    if (!JWT_PATTERN.test(token)) return undefined
    if (token.length > TOKEN_CHARS_MAX)
      throw wrongToken(`is too long; a token may have ${TOKEN_CHARS_MAX} characters`)
    const digest = hash('sha256', token, 'base64')
    const known = remembered.get(digest)
    if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.principal
    return mayCheck(address) ? verify(token, digest) : undefined
  }
}

/** The caller that the claims describe; throws a Refusal if they name none. */
export function principalIn(
  payload: JWTPayload,
  { JWT_TENANT_CLAIM, JWT_SCOPE_CLAIM }: Pick<JwtConfig, 'JWT_TENANT_CLAIM' | 'JWT_SCOPE_CLAIM'>,
): Principal {
  const tenant = claim(payload, JWT_TENANT_CLAIM)
  const sub: unknown = payload.sub
  const { exp } = payload
  if (typeof sub !== 'string' || sub === '') throw wrongClaim('sub')
  if (typeof tenant !== 'string' || !TOKEN_PATTERN.test(tenant)) throw wrongClaim(JWT_TENANT_CLAIM)
  const said = claim(payload, JWT_SCOPE_CLAIM)
  const words: readonly unknown[] = typeof said === 'string' ? said.split(' ') : [said].flat()
  return {
    keyId: JWT_KEY_PREFIX + callerName(sub),
    tenant,
    scopes: SCOPES.filter((scope) => words.includes(scope)),
    ...(exp === undefined ? {} : { expiresAtMs: Math.min(exp * 1_000, TIME_MAX_MS) }),
  }
}

function callerName(sub: string): string {
  if (sub.length <= SUBJECT_CHARS_MAX) return sub
  const digest = hash('sha256', sub, 'base64url')
  return `${sub.slice(0, SUBJECT_START_CHARS)}~${digest.slice(0, SUBJECT_DIGEST_CHARS)}`
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

/** The refusal of a token that the check did not accept; it repeats nothing of the token. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof errors.JWTExpired) return wrongToken('has expired')
  if (error instanceof errors.JWTClaimValidationFailed) return wrongClaim(error.claim)
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return wrongToken('is signed in a way that the gateway does not accept (JWT_ALGORITHMS)')
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return wrongToken('names no key that the issuer publishes')
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return wrongToken('has a wrong signature')
  return error instanceof errors.JOSEError
    ? wrongToken('is not a JWT in the compact form')
    : wrongToken('is signed with a key that the gateway cannot use, such as a short RSA key')
}

function wrongClaim(name: string): Refusal {
  return wrongToken(`has a missing or wrong claim ${name}`)
}

function wrongToken(what: string): Refusal {
  return new Refusal('unauthorized', `This token ${what}. Get another token from the issuer.`)
}
