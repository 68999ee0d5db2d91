import { SignJWT, type JWTPayload } from 'jose'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A token issuer on loopback: it publishes its keys and signs tokens. */
export interface Issuer extends AsyncDisposable {
  /** The variables of a gateway that accepts its tokens. */
  readonly variables: Readonly<Record<string, string>>
  /** How often its keys were read. */
  reads(): number
  /** Signs claims; by default a token that the gateway accepts. */
  sign(claims: JWTPayload, options?: SignOptions): Promise<string>
  /** Signs these texts unchanged, with the key that the issuer publishes. */
  signText(header: object, payload: string): string
  /** The published key in the form that a careless library could take for a shared secret. */
  publicPem(): string
  /** Replaces the key; `kid` is the id of the new one. */
  rotate(kid: string, alg?: Algorithm): void
  /** Answers the next requests for its keys in this way. */
  answer(way: (response: ServerResponse, keys: string) => void): void
}

interface SignOptions {
  readonly issuer?: string
  readonly audience?: string | string[]
  readonly expiresAtS?: number
  readonly kid?: string
  /** Signs with a key that the issuer does not publish. */
  readonly forged?: boolean
}

const NAME = 'https://issuer.example'
const AUDIENCE = 'agentfleet'
const HOUR_S = 3_600

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}
type Algorithm = 'ES256' | 'Ed25519'
const newPair = (alg: Algorithm): Pair =>
  alg === 'Ed25519'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Answers as an issuer does. */
export const ANSWER = (response: ServerResponse, keys: string): void => {
  response.setHeader('content-type', 'application/json')
  response.end(keys)
}

/** Starts an issuer with one key. */
export async function startIssuer(): Promise<Issuer> {
  const foreign = newPair('ES256')
  let [own, ownKid, ownAlg] = [newPair('ES256'), 'k1', 'ES256' as Algorithm]
  let reads = 0
  let way = ANSWER
  const server = createServer((_request, response) => {
    reads += 1
    const jwk = {
      ...own.publicKey.export({ format: 'jwk' }),
      kid: ownKid,
      alg: ownAlg,
      use: 'sig',
    }
    way(response, JSON.stringify({ keys: [jwk] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    variables: {
      JWT_ISSUER: NAME,
      JWT_AUDIENCE: AUDIENCE,
      JWT_JWKS_URL: `http://127.0.0.1:${port}/keys`,
      JWT_TENANT_CLAIM: 'fleet.tenant',
    },
    reads: () => reads,
    sign(claims, options = {}) {
      const { issuer = NAME, audience = AUDIENCE, kid = ownKid, forged = false } = options
      const nowS = Math.floor(Date.now() / 1_000)
      return new SignJWT(claims)
        .setProtectedHeader({ alg: ownAlg, kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(nowS)
        .setExpirationTime(options.expiresAtS ?? nowS + HOUR_S)
        .sign(forged ? foreign.privateKey : own.privateKey)
    },
    signText(header, payload) {
      const text = `${part(JSON.stringify({ alg: 'ES256', kid: ownKid, ...header }))}.${part(payload)}`
      const key = { key: own.privateKey, dsaEncoding: 'ieee-p1363' } as const
      return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
    },
    publicPem: () => String(own.publicKey.export({ format: 'pem', type: 'spki' })),
    rotate(kid, alg = 'ES256') {
      own = newPair(alg)
      ownKid = kid
      ownAlg = alg
    },
    answer: (next) => void (way = next),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Claims of a caller of this tenant. */
export function claimsOf(tenant: string, scope: string): JWTPayload {
  return { sub: 'ada', fleet: { tenant }, scope }
}

/** The claims of a token that the gateway accepts, to be changed and signed as a text. */
export function wholeClaims(part: object = {}): Record<string, unknown> {
  const nowS = Math.floor(Date.now() / 1_000)
  const fixed = { iss: NAME, aud: AUDIENCE, iat: nowS, exp: nowS + HOUR_S }
  return { ...fixed, ...claimsOf('acme', 'tasks:read'), ...part }
}

/** An unsigned token, which no issuer may accept. */
export function unsigned(): string {
  return `${part(JSON.stringify({ alg: 'none' }))}.${part(JSON.stringify(wholeClaims()))}.`
}

function part(text: string): string {
  return Buffer.from(text).toString('base64url')
}
