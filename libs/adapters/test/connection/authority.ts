import { webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
// The library needs this polyfill, which exports nothing.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

/** Long enough for any test, milliseconds. */
const VALID_MS = 24 * 3_600_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A certificate with its key, as PEM files. */
export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** An authority that only one test trusts. */
export interface Authority {
  readonly caFile: string
  /** A certificate for 127.0.0.1, of a server or of a client. */
  issue(name: string): Promise<CertificateFiles>
}

/** Makes an authority with its files in this folder; with a negative `validMs` its certificates have expired. */
export async function createAuthority(
  dir: string,
  name: string,
  validMs: number = VALID_MS,
): Promise<Authority> {
  const { subtle } = webcrypto
  const generate = () => subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const validity = {
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + validMs),
  }
  const keys = await generate()
  const issuer = `CN=${name}`
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: issuer,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
    ],
  })
  const caFile = join(dir, `${name}.pem`)
  await writeFile(caFile, root.toString('pem'))
  return {
    caFile,
    async issue(subject) {
      const own = await generate()
      const issued = await x509.X509CertificateGenerator.create({
        ...validity,
        subject: `CN=${subject}`,
        issuer,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
          new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
        ],
      })
      const exported = Buffer.from(await subtle.exportKey('pkcs8', own.privateKey))
      const body = exported.toString('base64').replaceAll(/.{64}/g, '$&\n')
      const files = { certFile: join(dir, `${subject}.pem`), keyFile: join(dir, `${subject}.key`) }
      await writeFile(files.certFile, issued.toString('pem'))
      const key = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`
      await writeFile(files.keyFile, key, { mode: 0o600 })
      return files
    },
  }
}
