/** TLS to a server: by its address alone with the authorities that Node trusts, or by files. */
import { readFileSync } from 'node:fs'
import { given } from '@agentfleet/domain'
import { ConfigError } from '@agentfleet/runtime/config-error'
import type { ServerAddress } from './address.ts'

/** Files of a connection in PEM form. */
export interface TlsFiles {
  /** The authority that signed the server's certificate; without it those that Node trusts. */
  readonly caFile?: string | undefined
  /** The certificate of this client and its key, for servers that ask for one. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Servers whose variables begin with these words, and the scheme that encrypts. */
const SCHEMES = { NATS: 'tls', REDIS: 'rediss', CONSUL: 'https' } as const
type Server = keyof typeof SCHEMES

/**
 * The options of an encrypted connection; undefined if the address asks for none. Throws a ConfigError for
 * unreadable files, for a certificate without its key (or the reverse), and for files that an unencrypted
 * connection would ignore.
 */
export function readTls(
  server: Server,
  { tls }: Pick<ServerAddress, 'tls'>,
  files: TlsFiles = {},
): TlsOptions | undefined {
  const { caFile, certFile, keyFile } = files
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
  if (problems.length > 0) throw new ConfigError(problems)
  if (!tls) return undefined
  return given({ ca, cert, key })
}
