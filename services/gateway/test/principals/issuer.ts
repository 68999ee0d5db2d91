import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'

/** A token issuer on loopback: it publishes its keys and signs tokens. */
export interface Issuer extends AsyncDisposable {
  /** The variables of a gateway that accepts its tokens. */
  readonly variables: Readonly<Record<string, string>>
  /** How often its keys were read. */
  reads(): number
  /** Signs claims; by default a token that the gateway accepts. */
  sign(claims: JWTPayload, options?: SignOptions): Promise<string>
}

interface SignOptions {
  readonly issuer?: string
  readonly audience?: string
  readonly expiresAtS?: number
  readonly kid?: string
  /** Signs with a key that the issuer does not publish. */
  readonly forged?: boolean
}

const NAME = 'https://issuer.example'
const AUDIENCE = 'agentfleet'
const HOUR_S = 3_600

/** Starts an issuer with one key. */
export async function startIssuer(): Promise<Issuer> {
  const own = await generateKeyPair('ES256', { extractable: true })
  const foreign = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  let reads = 0
  const server = createServer((_request, response) => {
    reads += 1
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: [jwk] }))
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
      const { issuer = NAME, audience = AUDIENCE, kid = 'k1', forged = false } = options
      const nowS = Math.floor(Date.now() / 1_000)
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(nowS)
        .setExpirationTime(options.expiresAtS ?? nowS + HOUR_S)
        .sign(forged ? foreign.privateKey : own.privateKey)
    },
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

/** An unsigned token, which no issuer may accept. */
export function unsigned(claims: JWTPayload): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const fixed = { iss: NAME, aud: AUDIENCE, exp: Math.floor(Date.now() / 1_000) + HOUR_S }
  return `${part({ alg: 'none', typ: 'JWT' })}.${part({ ...fixed, ...claims })}.`
}
