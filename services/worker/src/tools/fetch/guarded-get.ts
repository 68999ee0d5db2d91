import { lookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createUnzip } from 'node:zlib'
import { orAborted } from '../run-tool.ts'
import type { AddressRule } from './address.ts'
import type { HostRule } from './host-rule.ts'

/**
 * GET for URLs that a model wrote.
 *
 * Invariants: this module resolves the name, checks every address of it, and connects to an address
 * that it has checked; it checks a redirect like the first URL; it reuses no connection and sends
 * no cookies, credentials or proxy requests; redirects, bytes and time are bounded.
 */

/** The answer of a URL. */
export interface Fetched {
  readonly status: number
  /** The URL after redirects. */
  readonly url: string
  readonly contentType: string
  readonly body: Buffer
  /** Whether the body was longer than the limit. */
  readonly cut: boolean
}

/** An answer, a refusal by a rule, or a failure. */
type FetchOutcome =
  | { readonly kind: 'fetched'; readonly fetched: Fetched }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** Returns all addresses of a name. */
export type Resolve = (host: string) => Promise<readonly { address: string; family: number }[]>

/** The rules and limits of a request. */
interface GuardedGetOptions {
  readonly hosts: HostRule
  readonly addresses: AddressRule
  readonly bytesMax: number
  readonly resolve?: Resolve
}

/** More redirects are a loop. */
const REDIRECTS_MAX = 5
const REDIRECTS = [301, 302, 303, 307, 308]
/** The headers identify a robot but reveal neither names nor versions. */
const HEADERS = {
  accept: 'text/*, application/json, application/xml;q=0.9, */*;q=0.1',
  'accept-encoding': 'gzip, br',
  'user-agent': 'AgentFleet',
}
/** Bytes of the headers of an answer. */
const HEADERS_MAX = 16_384

const resolveAll: Resolve = (host) => lookup(host, { all: true, verbatim: true })

/** Fetches a URL, or returns why not; throws only if the signal aborts. */
export async function guardedGet(
  text: string,
  options: GuardedGetOptions,
  signal: AbortSignal,
): Promise<FetchOutcome> {
  let url = urlOf(text)
  for (let redirects = 0; ; redirects += 1) {
    if (url === undefined) return { kind: 'refused', reason: 'the URL is not absolute' }
    const reason = options.hosts.refuses(url)
    if (reason !== undefined) return { kind: 'refused', reason }
    try {
      const target = await addressOf(url, options, signal)
      if (typeof target === 'string') return { kind: 'refused', reason: target }
      const response = await get(url, target, signal)
      const location = redirectOf(response)
      if (location === undefined) {
        return { kind: 'fetched', fetched: await read(response, url, options.bytesMax, signal) }
      }
      response.destroy()
      if (redirects >= REDIRECTS_MAX) {
        return { kind: 'refused', reason: `the server sent more than ${REDIRECTS_MAX} redirects` }
      }
      url = urlOf(location, url)
    } catch (error) {
      if (signal.aborted) throw error
      return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
    }
  }
}

function urlOf(text: string, base?: URL): URL | undefined {
  return URL.canParse(text, base?.href) ? new URL(text, base) : undefined
}

interface Target {
  readonly address: string
  readonly family: number
}

/** Returns the address to connect to, or why there is none. */
async function addressOf(
  url: URL,
  { addresses, resolve = resolveAll }: GuardedGetOptions,
  signal: AbortSignal,
): Promise<Target | string> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  const found = family === 0 ? await orAborted(resolve(host), signal) : [{ address: host, family }]
  const [first] = found
  if (first === undefined) return `the host ${host} has no address`
  // One bad address among good ones could be used for the next request (DNS rebinding).
  const bad = found.find(({ address }) => !addresses.allows(address))
  return bad === undefined ? first : `the host ${host} is at an address that is not public`
}

function get(url: URL, target: Target, signal: AbortSignal): Promise<IncomingMessage> {
  const pinned: LookupFunction = (_host, options, callback) => {
    if (options.all === true) callback(null, [target])
    else callback(null, target.address, target.family)
  }
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    request(url, {
      method: 'GET',
      agent: false,
      headers: HEADERS,
      lookup: pinned,
      maxHeaderSize: HEADERS_MAX,
      signal,
    })
      .on('response', resolve)
      .on('error', reject)
      .end()
  })
}

function redirectOf({ statusCode, headers }: IncomingMessage): string | undefined {
  return REDIRECTS.includes(statusCode ?? 0) ? headers.location : undefined
}

async function read(
  response: IncomingMessage,
  url: URL,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Fetched> {
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    // Counted after decompression, because a small answer may decompress to a huge one.
    for await (const piece of unpacked(response) as AsyncIterable<Buffer>) {
      pieces.push(piece)
      bytes += piece.byteLength
      if (bytes > bytesMax || signal.aborted) break
    }
  } finally {
    response.destroy()
  }
  signal.throwIfAborted()
  return {
    status: response.statusCode ?? 0,
    url: url.href,
    contentType: response.headers['content-type'] ?? '',
    body: Buffer.concat(pieces).subarray(0, bytesMax),
    cut: bytes > bytesMax,
  }
}

function unpacked(response: IncomingMessage): Readable {
  const packing = response.headers['content-encoding']?.toLowerCase()
  if (packing === undefined || packing === 'identity') return response
  const unpack = packing === 'br' ? createBrotliDecompress() : createUnzip()
  response.on('error', (error) => unpack.destroy(error))
  return response.pipe(unpack)
}
