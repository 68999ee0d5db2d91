import { generateKeyPairSync } from 'node:crypto'

/**
 * A new key of an issuer in the text form of NATS ("nkey"): the server's configuration gets the public key,
 * the coordinators get the seed.
 */
export interface IssuerKey {
  readonly seed: string
  readonly publicKey: string
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** First bytes of an account's public key and of its seed: they make the text begin with A and SA. */
const PUBLIC_PREFIX = [0]
const SEED_PREFIX = [18 << 3, 0]
/** CRC-16/XMODEM. */
const CRC_POLYNOMIAL = 0x1021

/** Draws a key. */
export function createIssuerKey(): IssuerKey {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return { seed: encode(SEED_PREFIX, d), publicKey: encode(PUBLIC_PREFIX, x) }
}

function encode(prefix: readonly number[], key: string): string {
  const body = Buffer.from([...prefix, ...Buffer.from(key, 'base64url')])
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
