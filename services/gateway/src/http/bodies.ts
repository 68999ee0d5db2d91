import { isUtf8 } from 'node:buffer'
import { createTally } from '@agentfleet/domain'
import { parseInSlices, type PartParser } from '@agentfleet/runtime'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { LARGE_BYTES } from '../tenants/size.ts'
import { decideMost } from './addresses.ts'
import { Refusal } from './problems.ts'
import { networkOf } from './proxies.ts'

/** A fifth of the memory that a gateway is given: a hundred of the largest bodies. */
const UNDER_WAY_MAX_BYTES = 128 * 1024 * 1024
/** Smaller bodies do not count: with one on each connection they take 80 MB. */
const COUNTED_FROM_BYTES = 8 * 1024

/**
 * Creates the count of request bodies that are on their way, as a hook: it counts a body until the body has arrived,
 * and throws a Refusal if there is no room for it. A client may send half a body and stop; the gateway keeps that half
 * until the request is too old. `bodyMaxBytes` is the size of a body that announces none.
 *
 * Invariants (L7): bodies on their way take at most UNDER_WAY_MAX_BYTES, and those of one address at most half of
 * what the other addresses leave free. A body counts with its announced size from its headers on.
 */
export function countBodies(bodyMaxBytes: number): onRequestHookHandler {
  const underWay = createTally()
  return (request, _reply, done) => {
    const { headers } = request
    const announced = headers['content-length']
    if (announced === undefined && headers['transfer-encoding'] === undefined) return done()
    const bytes = announced === undefined ? bodyMaxBytes : Number(announced)
    // A larger body is refused before any of it is read.
    if (bytes < COUNTED_FROM_BYTES || bytes > bodyMaxBytes) return done()
    const address = networkOf(request.ip)
    const most = decideMost(underWay, address, UNDER_WAY_MAX_BYTES, bytes)
    if (most !== undefined) {
      throw new Refusal(
        'too-many-requests-open',
        `The address ${address} sends bodies of ${underWay.of(address)} bytes now, and bodies of ${most} bytes are allowed. Send fewer large requests at a time.`,
      )
    }
    underWay.add(address, bytes)
    request.raw.once('close', () => underWay.add(address, -bytes))
    done()
  }
}

/** Whether the request has a body, empty ones aside. */
export function hasBody({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

const UNWANTED_BODY = new Refusal(
  'invalid-request',
  'This operation takes no body. Send the request without a body, and without the header Transfer-Encoding.',
)

/** Refuses the body of an operation that takes none before it is read: its caller expects that the body counts. */
export function refuseBody(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  done(hasBody(request) ? UNWANTED_BODY : undefined)
}

/**
 * Names of one object. Each step that goes through the names of an object has them listed first, which takes
 * milliseconds, and does so at once. A body that is read at once has fewer: each takes at least four bytes.
 */
const NAMES_MAX = LARGE_BYTES / 4

const JSON_TYPE = 'application/json'
/** A parameter of a media type that names a character encoding, with or without quotes. */
const CHARSET_PATTERN = /;\s*charset\s*=\s*"?([^";\s]*)/gi
/** The names of UTF-8, and of its part that has one byte for each character. */
const UTF8_PATTERN = /^(?:utf-?8|us-ascii)$/i

/** Why a body is refused although it is JSON. */
const CHANGES_OBJECTS = new Refusal(
  'malformed-body',
  'Remove the keys __proto__ and constructor.prototype; they would change the objects of a program that reads them.',
)
const TOO_MANY_NAMES = new Refusal(
  'body-too-large',
  `An object of the body has more than ${NAMES_MAX} names. Send a list of smaller objects, or send the data as text.`,
)
const NOT_UTF8 = new Refusal('malformed-body', 'Send the body as UTF-8.')
const OTHER_CHARSET = new Refusal(
  'unsupported-media-type',
  'Send the body as UTF-8, with the header Content-Type: application/json; charset=utf-8.',
)
const ENCODED = new Refusal(
  'unsupported-media-type',
  'Send the body without compression: without the header Content-Encoding, and with no Transfer-Encoding other than chunked.',
)

/**
 * Reads JSON bodies; a large one in slices. Accepts an empty body with a JSON content type, which many clients send
 * with a cancel. Validation finds a body that is missing where one is required. Refuses bytes that are not UTF-8,
 * because they would be stored as other characters.
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser(JSON_TYPE)
  const partsOf = (request: FastifyRequest): PartParser => ({
    parse(part) {
      const parsed: { error?: Error | null; value?: unknown } = {}
      // The parser answers through the function and returns nothing.
      void parse(request, part, (error, value) => Object.assign(parsed, { error, value }))
      if (parsed.error) throw faultOf(part)
      return parsed.value
    },
    names(count) {
      if (count > NAMES_MAX) throw TOO_MANY_NAMES
    },
  })
  app.addContentTypeParser<Buffer>(JSON_TYPE, { parseAs: 'buffer' }, (request, body, done) => {
    const {
      'content-encoding': encoding = 'identity',
      'transfer-encoding': transfer = 'chunked',
      'content-type': type = JSON_TYPE,
    } = request.headers
    if (encoding.toLowerCase() !== 'identity' || transfer.toLowerCase() !== 'chunked') {
      done(ENCODED)
    } else if (type !== JSON_TYPE && !isInUtf8(type)) done(OTHER_CHARSET)
    else if (body.length === 0) done(null, undefined)
    else if (!isUtf8(body)) done(NOT_UTF8)
    else if (body.length > LARGE_BYTES) {
      parseInSlices(body, partsOf(request)).then((value) => setImmediate(done, null, value), done)
    } else {
      const text = body.toString()
      void parse(request, text, (error, value) => {
        if (error === null) done(null, value)
        else done(faultOf(text))
      })
    }
  })
}

/** The fault of a text that the parser has refused, in the words of the engine, which name the place. */
function faultOf(text: string): Error {
  try {
    JSON.parse(text)
  } catch (error) {
    return error as Error
  }
  return CHANGES_OBJECTS
}

/** Whether a media type names no other character encoding than UTF-8. */
function isInUtf8(type: string): boolean {
  for (const [, name = ''] of type.matchAll(CHARSET_PATTERN)) {
    if (!UTF8_PATTERN.test(name)) return false
  }
  return true
}
