import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'

/**
 * A new key of an issuer in the text form of NATS ("nkey"): the server's configuration gets the public key,
 * the coordinators get the seed.
 */
export interface IssuerKey {
  readonly seed: string
  readonly publicKey: string
}

/** The key of an issuer, ready to sign. */
export interface Issuer {
  readonly publicKey: string
  /** The signature of a text, as base64url. */
  sign(text: string): string
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** First bytes of an account's public key and of its seed: they make the text begin with A and SA. */
const PUBLIC_PREFIX = [0]
const SEED_PREFIX = [18 << 3, 0]
/** CRC-16/XMODEM. */
const CRC_POLYNOMIAL = 0x1021
const CRC_BYTES = 2
const KEY_BYTES = 32
/** What PKCS #8 puts before the bytes of a private Ed25519 key. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Draws a key. */
export function createIssuerKey(): IssuerKey {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return {
    seed: encode(SEED_PREFIX, Buffer.from(d, 'base64url')),
    publicKey: encode(PUBLIC_PREFIX, Buffer.from(x, 'base64url')),
  }
}

/** The key with this seed; undefined if the text is not the seed of an account. */
export function openIssuer(seed: string): Issuer | undefined {
  const bytes = fromBase32(seed)
  if (bytes?.length !== SEED_PREFIX.length + KEY_BYTES + CRC_BYTES) return undefined
  const key = bytes.subarray(SEED_PREFIX.length, -CRC_BYTES)
  // The seed that has these bytes is equal only if its prefix and its checksum are right.
  if (encode(SEED_PREFIX, key) !== seed) return undefined
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, key]),
    format: 'der',
    type: 'pkcs8',
  })
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    publicKey: encode(PUBLIC_PREFIX, Buffer.from(x, 'base64url')),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url'),
  }
}

function encode(prefix: readonly number[], key: Uint8Array): string {
  const body = Buffer.from([...prefix, ...key])
  const crc = crc16(body)
  return base32(Buffer.from([...body, crc & 0xff, crc >> 8]))
}

function crc16(bytes: Buffer): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc & 0x8000 ? (crc << 1) ^ CRC_POLYNOMIAL : crc << 1) & 0xffff
    }
  }
  return crc
}

function base32(bytes: Buffer): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    for (; bits >= 5; bits -= 5) {
      text += BASE32[(value >> (bits - 5)) & 31]
      value &= (1 << (bits - 5)) - 1
    }
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text
}

/** The bytes of a text; undefined if it has other letters. Bits that do not fill a byte are left out. */
function fromBase32(text: string): Buffer | undefined {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const letter of text) {
    const digit = BASE32.indexOf(letter)
    if (digit < 0) return undefined
    value = (value << 5) | digit
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push(value >> bits)
    value &= (1 << bits) - 1
  }
  return Buffer.from(bytes)
}
