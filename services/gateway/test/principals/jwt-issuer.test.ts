import { createLogger, loadConfig, manualClock } from '@agentfleet/runtime'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { schema } from '../../src/config.ts'
import { createTokenVerifier } from '../../src/principals/jwt/verifier.ts'
import { ANSWER, claimsOf, startIssuer, wholeClaims, type Issuer } from './issuer.ts'

/** An issuer that is down, slow or hostile, and one that changes its keys. */
const log = createLogger({ service: 'gateway', id: 't', level: 'silent' })
const MINUTE_MS = 60_000
/** Tokens that a gateway of these tests remembers: fewer than others, since each costs a signature. */
const REMEMBERED_MAX = 1_000

/** A verifier whose clock the test moves; `check` returns the tenant of a token, or the code of its refusal. */
function verifierOf(issuer: Issuer) {
  const clock = manualClock(Date.now())
  const config = loadConfig(schema, {
    NATS_URL: 'nats://x',
    REDIS_URL: 'redis://x',
    ...issuer.variables,
  })
  const verifier = createTokenVerifier(config, {
    clock,
    log,
    mayCheck: () => true,
    rememberedMax: REMEMBERED_MAX,
  })
  const verify = (token: string) => verifier?.(token, '127.0.0.1')
  const check = async (token: string): Promise<string | undefined> => {
    try {
      return (await verify(token))?.tenant
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  /** Each token is another one, so that none is remembered. */
  let counter = 0
  const token = (kid?: string) =>
    issuer.sign(
      { ...claimsOf('acme', 'tasks:read'), jti: String((counter += 1)) },
      {
        expiresAtS: Math.floor(Date.now() / 1_000) + 90_000,
        ...(kid === undefined ? {} : { kid }),
      },
    )
  const forged = () =>
    issuer.sign({ ...claimsOf('acme', 'admin'), jti: String((counter += 1)) }, { forged: true })
  return { clock, verify, check, token, forged }
}

const ILL: Readonly<Record<string, (response: ServerResponse, keys: string) => void>> = {
  'answers 500': (response, keys) => void response.writeHead(500).end(keys),
  'answers with HTML': (response) => void response.end('<html>maintenance</html>'),
  'answers with JSON that is not a key set': (response) => void response.end('{"keys":5}'),
  'answers with more than 256 KiB': (response, keys) =>
    void response.end(keys + ' '.repeat(300_000)),
  'sends the caller elsewhere': (response) =>
    void response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
  'breaks the connection': (response) => void response.destroy(),
  'does not answer': () => undefined,
}

test.each(Object.entries(ILL))(
  'a token with a known key is accepted while the issuer %s, and a token with an unknown key gets 503',
  async (_what, ill) => {
    await using issuer = await startIssuer()
    const { clock, check, token } = verifierOf(issuer)
    issuer.answer(ill)
    expect(await check(await token())).toBe('issuer-unavailable')
    expect(await check(await token())).toBe('issuer-unavailable')
    expect(issuer.reads()).toBe(1)
    issuer.answer(ANSWER)
    clock.advance(1_000)
    expect(await check(await token())).toBe('acme')
    issuer.answer(ill)
    // The keys are old now: the gateway asks again, and the token does not wait for the answer.
    clock.advance(11 * MINUTE_MS)
    const startedMs = performance.now()
    expect(await check(await token())).toBe('acme')
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    expect(await check(await token('other'))).toBe('issuer-unavailable')
    expect(await check(await token())).toBe('acme')
    expect(issuer.reads()).toBe(3)
    // After a day the keys could have been withdrawn long ago.
    clock.advance(24 * 60 * MINUTE_MS)
    expect(await check(await token())).toBe('issuer-unavailable')
  },
)

test('200 tokens with random key ids make the gateway ask the issuer once in ten seconds (L7)', async () => {
  await using issuer = await startIssuer()
  const { clock, check, token } = verifierOf(issuer)
  expect(await check(await token())).toBe('acme')
  for (let round = 0; round < 10; round += 1) {
    clock.advance(5_000)
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => token(`random-${round}-${index}`)),
    )
    const codes = new Set(await Promise.all(tokens.map(check)))
    expect([...codes]).toEqual(['unauthorized'])
    expect(await check(await token())).toBe('acme')
  }
  expect(issuer.reads()).toBe(1 + 5)
})

test('the gateway accepts the new key of an issuer without a restart, and refuses the withdrawn key', async () => {
  await using issuer = await startIssuer()
  const { clock, check, token } = verifierOf(issuer)
  const former = await token()
  expect(await check(former)).toBe('acme')
  const unseen = await token()
  issuer.rotate('k2')
  clock.advance(10_000)
  expect(await check(await token())).toBe('acme')
  expect(await check(unseen)).toBe('unauthorized')
  // A token that was checked is remembered for a minute.
  expect(await check(former)).toBe('acme')
  clock.advance(MINUTE_MS)
  expect(await check(former)).toBe('unauthorized')
})

test('the gateway accepts a key that an issuer has replaced under the same id, and forged signatures make it ask the issuer once in ten seconds (L7)', async () => {
  await using issuer = await startIssuer()
  const { clock, check, token, forged } = verifierOf(issuer)
  const former = await token()
  expect(await check(await token())).toBe('acme')
  issuer.rotate('k1')
  expect(await check(await token())).toBe('unauthorized')
  clock.advance(10_000)
  const tokens = await Promise.all(Array.from({ length: 20 }, () => token()))
  expect(new Set(await Promise.all(tokens.map(check)))).toEqual(new Set(['acme']))
  expect(await check(former)).toBe('unauthorized')
  expect(issuer.reads()).toBe(2)
  for (let second = 0; second < 30; second += 1) {
    clock.advance(1_000)
    expect(await check(await forged())).toBe('unauthorized')
  }
  expect(issuer.reads()).toBe(2 + 3)
})

test('the gateway accepts the algorithm Ed25519 by its own name, as issuers that no longer write EdDSA', async () => {
  await using issuer = await startIssuer()
  issuer.rotate('k1', 'Ed25519')
  const { check, token } = verifierOf(issuer)
  expect(await check(await token())).toBe('acme')
})

test('a tenant with more tokens than a gateway remembers makes it forget its own oldest token, and the token of another tenant costs no second check (L7)', async () => {
  await using issuer = await startIssuer()
  const { verify } = verifierOf(issuer)
  const iat = Math.floor(Date.now() / 1_000)
  const issue = (tenant: string, jti = 0) =>
    issuer.signText({}, JSON.stringify(wholeClaims({ fleet: { tenant }, iat, jti: `${jti}` })))
  const [quiet, oldest] = [issue('quiet'), issue('busy')]
  await verify(quiet)
  await verify(oldest)
  for (let jti = 1; jti <= REMEMBERED_MAX; jti += 1) await verify(issue('busy', jti))
  // A token that is remembered needs no promise.
  expect(verify(quiet)).toMatchObject({ tenant: 'quiet' })
  expect(verify(oldest)).toBeInstanceOf(Promise)
  await verify(oldest)
})
