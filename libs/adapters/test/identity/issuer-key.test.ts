import { createIssuerKey, openIssuer } from '@agentfleet/protocol'
import fc from 'fast-check'
import { nkeys } from 'nats'
import { expect, test } from 'vitest'

/** The keys of issuers, next to the implementation of NATS. */

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

test('the key of an issuer has the public key and makes the signatures that NATS computes from its seed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const { seed, publicKey } = createIssuerKey()
      const ofNats = nkeys.fromSeed(Buffer.from(seed))
      const issuer = openIssuer(seed)
      expect(issuer?.publicKey).toBe(publicKey)
      expect(ofNats.getPublicKey()).toBe(publicKey)
      const signature = ofNats.sign(Buffer.from(text))
      expect(issuer?.sign(text)).toBe(Buffer.from(signature).toString('base64url'))
    }),
    { numRuns: 5 },
  )
})

test('a seed with a wrong letter, of another length or of another kind of key is not the seed of an issuer', () => {
  const { seed, publicKey } = createIssuerKey()
  for (const [at, letter] of seed.split('').entries()) {
    const other = LETTERS[(LETTERS.indexOf(letter) + 1) % LETTERS.length]!
    expect(openIssuer(seed.slice(0, at) + other + seed.slice(at + 1)), `letter ${at}`).toBe(
      undefined,
    )
  }
  const user = Buffer.from(nkeys.createUser().getSeed()).toString()
  for (const wrong of ['', 'SA', publicKey, user, `${seed}A`, seed.slice(1), seed.toLowerCase()])
    expect(openIssuer(wrong), wrong).toBe(undefined)
})
