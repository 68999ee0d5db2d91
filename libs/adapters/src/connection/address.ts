/** The address of a server, parsed once: the only place that reads the credentials in a URL. */

/** Schemes of encrypted connections to NATS, Redis and Consul. */
const TLS_SCHEMES: readonly string[] = ['tls:', 'rediss:', 'https:']

/** Reads `scheme://user:password@host:port`. */
export function readAddress(url: string, defaultPort: number) {
  const { protocol, hostname, port, username, password, pathname } = new URL(url)
  // Other schemes than http keep the brackets of an IPv6 address and the escapes of credentials.
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return {
    host,
    port: port === '' ? defaultPort : Number(port),
    /** Whether the scheme asks for an encrypted connection. */
    tls: TLS_SCHEMES.includes(protocol),
    user: decoded(username),
    password: decoded(password),
    /** The number in the path, which Redis takes for its database; 0 without one. */
    database: Number(/^\/(\d+)$/.exec(pathname)?.[1] ?? 0),
    /** The address for logs and errors: no credentials, no path, no query. */
    shown: `${protocol}//${hostname}:${port === '' ? defaultPort : port}`,
  }
}

function decoded(text: string): string | undefined {
  if (text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    // An unescaped percent sign is part of the password.
    return text
  }
}
