/** TLS to a server: by its address alone with the authorities that Node trusts, or by files. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { given } from '@agentfleet/domain'
import { ConfigError } from '@agentfleet/runtime/config-error'

/** Files of a connection in PEM form. */
export interface TlsFiles {
  /** The authority that signed the server's certificate; without it those that Node trusts. */
  readonly caFile?: string | undefined
  /** The certificate of this client and its key, for servers that ask for one. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** Servers whose variables begin with these words, and the scheme that encrypts. */
const SCHEMES = { NATS: 'tls', REDIS: 'rediss', CONSUL: 'https' } as const
type Server = keyof typeof SCHEMES

/**
 * The options of an encrypted connection; undefined if the address asks for none. Throws a ConfigError for
 * files that cannot be read or do not hold what their variable says, for expired certificates, for a certificate
 * without its key (or the reverse), and for files that an unencrypted connection would ignore. Node would take a
 * file without a certificate for an authority that signs nothing, and say only that the server cannot be verified.
 */
export function readTls(
  server: Server,
  { tls }: { readonly tls: boolean },
  { caFile, certFile, keyFile }: TlsFiles = {},
) {
  const problems: string[] = []
  if (!tls && [caFile, certFile, keyFile].some((file) => file !== undefined)) {
    problems.push(
      `${server}_URL: is not encrypted, although there are files for TLS; begin the URL with ${SCHEMES[server]}://`,
    )
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const [given, missing] = certFile === undefined ? ['KEY', 'CERT'] : ['CERT', 'KEY']
    problems.push(
      `${server}_${given}_FILE: needs ${server}_${missing}_FILE too; set both variables or none`,
    )
  }
  const read = (name: string, path: string | undefined): string | undefined => {
    if (path === undefined) return undefined
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      problems.push(
        `${server}_${name}: the file cannot be read (${code}); name a readable file in the PEM format`,
      )
      return undefined
    }
  }
  const ca = read('CA_FILE', caFile)
  const cert = read('CERT_FILE', certFile)
  const key = read('KEY_FILE', keyFile)
  if (ca !== undefined) problems.push(...certificateProblems(`${server}_CA_FILE`, ca))
  if (cert !== undefined) problems.push(...certificateProblems(`${server}_CERT_FILE`, cert))
  if (key !== undefined) problems.push(...keyProblems(server, key, cert))
  if (problems.length > 0) throw new ConfigError(problems)
  return tls ? given({ ca, cert, key }) : undefined
}

const CERTIFICATE =
  /-----BEGIN (?:(?:X509|TRUSTED) )?CERTIFICATE-----[^-]*-----END (?:(?:X509|TRUSTED) )?CERTIFICATE-----/g

/** Returns the problems of the certificates of a file; one that is still valid makes the file good. */
function certificateProblems(name: string, pem: string): readonly string[] {
  const found = (pem.match(CERTIFICATE) ?? []).map(certificateOf)
  const readable = found.filter((certificate) => certificate !== undefined)
  if (readable.length === 0 || readable.length < found.length) {
    return [`${name}: the file has no certificate, or a damaged one; name a file in the PEM format`]
  }
  const lastMs = Math.max(...readable.map(({ validTo }) => Date.parse(validTo)))
  if (lastMs >= Date.now()) return []
  const day = new Date(lastMs).toISOString()
  return [`${name}: the certificate has expired on ${day}; replace the file`]
}

/** Returns the problems of a private key, by itself and as the key of the first certificate. */
function keyProblems(server: Server, pem: string, cert: string | undefined): readonly string[] {
  try {
    const key = createPrivateKey(pem)
    const own = certificateOf(cert?.match(CERTIFICATE)?.[0] ?? '')
    return own === undefined || own.checkPrivateKey(key)
      ? []
      : [
          `${server}_KEY_FILE: is not the key of the certificate in ${server}_CERT_FILE; name the files of one pair`,
        ]
  } catch {
    return [
      `${server}_KEY_FILE: the file has no private key that can be read; name a file in the PEM format, without a passphrase`,
    ]
  }
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}
