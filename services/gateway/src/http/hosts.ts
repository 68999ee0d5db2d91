/**
 * The names under which clients may call the gateway. Any web page can point its own name at
 * 127.0.0.1 and then read the API as if the gateway were its server (DNS rebinding). The browser
 * sends that name in `Host`, so the gateway refuses names that do not belong to it. Programs can
 * send any host; keys protect against such programs.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { ConfigError, isLoopback } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from './problems.ts'

/** A scheme and a host, with or without a port; an origin has no user. */
const ORIGIN_PATTERN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/i
/** A host name or an address, without scheme, port or wildcard. */
const HOST_PATTERN = /^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$/

/** Throws a Refusal for a request that names a foreign host or comes from a foreign web page. */
export type CheckCaller = (request: FastifyRequest) => void

/** Checks the host and the origin of a request before anything else. */
export function createCheckCaller(options: {
  readonly publicHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
}): CheckCaller {
  const names = new Set(options.publicHosts)
  /** The last host that is accepted on every connection: most callers send the same one. */
  let accepted: string | undefined
  return ({ headers, raw, socket }) => {
    const { origin } = headers
    // A request may name the host in its first line; then the header does not count (RFC 9112, section 3.2.2).
    const host = hostInUrl(raw.url) ?? headers.host
    // HTTP/1.0 allows requests without a host; no browser uses it.
    if (host === undefined && raw.httpVersion !== '1.0') {
      throw new Refusal('invalid-request', 'Send the header Host with the name of the gateway.')
    }
    // A proxy may have read the other one (RFC 9112, section 3.2).
    const repeated = repeatedHeader(raw.rawHeaders)
    if (repeated !== undefined) {
      throw new Refusal('invalid-request', `Send the header ${repeated} only once.`)
    }
    if (host !== undefined && host !== accepted) {
      if (hostAllowed(host, names)) accepted = host
      else if (!hostAllowed(host, names, () => socket.localAddress)) {
        throw new Refusal(
          'host-refused',
          'Call the gateway by a host name that it accepts, or add this host name to the environment variable PUBLIC_HOSTS of the gateway.',
        )
      }
    }
    if (!originAllowed(origin, host, options.allowedOrigins)) {
      throw new Refusal(
        'origin-refused',
        'If web pages of this origin may call the API, add the origin to the environment variable ALLOWED_ORIGINS of the gateway.',
      )
    }
  }
}

/**
 * Lets web pages of allowed origins read the answers (https://fetch.spec.whatwg.org/#http-cors-protocol). A page of
 * the gateway itself needs none of it, and a page of any other origin was refused before.
 */
export type AllowPages = ReturnType<typeof createAllowPages>

/** The headers that requests of the API may have. */
const REQUEST_HEADERS =
  'authorization, content-type, idempotency-key, if-match, if-none-match, prefer'
/** The headers of answers that mean something to a client. */
const ANSWER_HEADERS =
  'allow, etag, location, preference-applied, ratelimit, ratelimit-policy, retry-after, retry-after-ms, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests'
/** A browser asks again after this time, so a changed list of origins counts soon, seconds. */
const REMEMBERED_S = '600'
const NO_CONTENT = 204

/** Creates the answer to the questions of browsers. */
export function createAllowPages(origins: readonly string[]) {
  const isAllowed = (origin: string | undefined): origin is string =>
    origin !== undefined && origins.includes(origin)
  // A cache must not give the answer to one origin to a page of another one.
  const forOthers: Readonly<Record<string, string>> = origins.length === 0 ? {} : { vary: 'origin' }
  /** The headers with which a page of this origin can read the answer. */
  const headersFor = (origin: string | undefined): Readonly<Record<string, string>> =>
    isAllowed(origin)
      ? {
          'access-control-allow-origin': origin,
          'access-control-expose-headers': ANSWER_HEADERS,
          vary: 'origin',
        }
      : forOthers
  return {
    /** Adds the headers with which a page of an allowed origin can read the answer. */
    readable({ headers: { origin } }: FastifyRequest, reply: FastifyReply): void {
      if (origins.length > 0) void reply.headers(headersFor(origin))
    },
    headersFor,
    /** Answers a browser that asks whether a page may send its request; returns whether it asked. */
    answered({ headers, method }: FastifyRequest, reply: FastifyReply): boolean {
      if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined)
        return false
      if (!isAllowed(headers.origin)) return false
      void reply
        .code(NO_CONTENT)
        .headers({
          'access-control-allow-methods': 'GET, POST, PUT, DELETE',
          'access-control-allow-headers': REQUEST_HEADERS,
          'access-control-max-age': REMEMBERED_S,
        })
        .send()
      return true
    },
  }
}

/** Headers of which the gateway reads one value, by the length of the name. */
const SINGLE_HEADERS: Readonly<Record<number, string>> = {
  4: 'Host',
  12: 'Content-Type',
  13: 'Authorization',
  15: 'Idempotency-Key',
}

/** Returns a header of one value that a list of names and values, one after the other, has more than once. */
function repeatedHeader(headers: readonly string[]): string | undefined {
  let seen = 0
  for (let at = 0; at < headers.length; at += 2) {
    const given = headers[at]!
    const name = SINGLE_HEADERS[given.length]
    if (name === undefined || given.toLowerCase() !== name.toLowerCase()) continue
    const bit = 1 << name.length
    if ((seen & bit) !== 0) return name
    seen |= bit
  }
  return undefined
}

/** The host in a URL with a scheme; undefined for a path. */
function hostInUrl(url: string | undefined): string | undefined {
  if (url === undefined || url.startsWith('/') || url === '*') return undefined
  return URL.canParse(url) ? new URL(url).host : ''
}

/**
 * Whether `Host` names the gateway: loopback, a configured name, or the address that the connection
 * reached, which no name server can have invented.
 */
export function hostAllowed(
  header: string,
  names: ReadonlySet<string>,
  reached?: () => string | undefined,
): boolean {
  const name = nameOf(header)
  if (names.has(name) || isLoopback(name)) return true
  return isIP(name) !== 0 && name === reached?.()?.replace(/^::ffff:/, '')
}

/**
 * Whether a web page of this origin may use the API: the gateway's own pages and configured ones. Browsers let
 * any page connect anywhere and send the user's cookies along; programs send no origin.
 */
export function originAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host
}

/** The addresses of a name, as the system of this machine knows them. */
export type Resolve = (name: string) => Promise<readonly { readonly address: string }[]>
const resolveHere: Resolve = (name) => lookup(name, { all: true })

/**
 * Throws a ConfigError if an open gateway would listen beyond this machine: the name `localhost` is loopback only
 * as long as the machine says so, in /etc/hosts or by its name server.
 */
export async function requireLoopback(host: string, resolve = resolveHere): Promise<void> {
  const beyond = (await resolve(host)).find(({ address }) => !isLoopback(address))
  if (beyond === undefined) return
  throw new ConfigError([
    `API_HOST: ${host} is ${beyond.address} on this machine, which other machines reach; without keys, write 127.0.0.1`,
  ])
}

/** Returns the problems of the names in PUBLIC_HOSTS: each must stand there as it stands in `Host`. */
export function hostProblems(hosts: readonly string[]): readonly string[] {
  return hosts
    .filter((host) => !isHost(host))
    .map(
      (host) =>
        `PUBLIC_HOSTS: ${JSON.stringify(host.slice(0, 80))} is not a host; write lower-case names or addresses in their shortest form, without scheme, port or wildcard`,
    )
}

function isHost(host: string): boolean {
  if (isIP(host) === 6) return new URL(`http://[${host}]`).hostname === `[${host}]`
  return isIP(host) === 4 || HOST_PATTERN.test(host)
}

/** Returns the problems of the origins in ALLOWED_ORIGINS: each must stand there as a browser sends it. */
export function originProblems(origins: readonly string[]): readonly string[] {
  return origins.flatMap((origin) => {
    const sent = ORIGIN_PATTERN.test(origin) ? sentOrigin(origin) : undefined
    if (sent === origin) return []
    const shown = `ALLOWED_ORIGINS: ${JSON.stringify(origin.slice(0, 80))}`
    return sent === undefined || !ORIGIN_PATTERN.test(sent)
      ? `${shown} is not an origin; write scheme, host and port as in https://app.example:8443, without a path, a user or a wildcard`
      : `${shown} is not how a browser writes this origin; write ${sent}`
  })
}

/** The origin as a browser sends it: lower case, in ASCII, without the port that the scheme implies. */
function sentOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, host } = new URL(text)
  return `${protocol}//${host}`
}

/** Returns the name in a `Host` header in lower case, without port, brackets and trailing dot. */
function nameOf(header: string): string {
  const withoutPort = header.replace(/:\d*$/, '')
  const [, address] = /^\[([^[\]]*)\]$/.exec(withoutPort) ?? []
  const name = address !== undefined && isIP(address) === 6 ? address : withoutPort
  return name.toLowerCase().replace(/\.$/, '')
}
