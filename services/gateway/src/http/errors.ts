import { closest, FAILURE_CODES, unreachable } from '@agentfleet/domain'
import { ServiceError } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { ApiDocument } from './openapi/document.ts'
import type { AllowPages } from './hosts.ts'
import { isPage } from './page.ts'
import type { GatewayMetrics } from '../metrics.ts'
import type { Recorder } from '../principals/record.ts'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { endAfter, endGently, type SlowReaders } from './slow-readers.ts'
import {
  Refusal,
  fieldErrors,
  refusalHeaders,
  repeated,
  toProblem,
  wrongPlaces,
} from './problems.ts'

/** Answers every error of this server with a problem document (RFC 9457). */
export function answerWithProblems(
  app: FastifyInstance,
  log: Logger,
  metrics: GatewayMetrics,
  recorder: Recorder,
  paths: ApiDocument['paths'],
): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error)
    metrics.refusals.inc({ code: refusal.code })
    if (refusal.code === 'internal') {
      log.error(
        { err: error, path: request.routeOptions.url },
        'A request failed with an unexpected error',
      )
    }
    const { status } = FAILURE_CODES[refusal.code].http
    const operation = operationOf(request.routeOptions) ?? 'none'
    recorder.refused(request, operation, status, refusal.code)
    recorder.answered(request, operation, status, reply.elapsedTime, refusal.code)
    if (reply.hasHeader('connection')) {
      // Fastify asks for the end of the connection after each fault of a body, even if the body is complete.
      void reply.removeHeader('connection')
      if (!request.raw.complete) endAfter(reply.raw, request.raw.socket)
    }
    return sendRefusal(reply, refusal)
  })
  app.setNotFoundHandler((request, reply) =>
    sendRefusal(reply, routeRefusal(paths, request, reply)),
  )
}

const HTTP_METHODS: readonly string[] = ['get', 'put', 'post', 'patch', 'delete']
const ALL_PATHS = 'GET /openapi.json lists the paths and methods of this API.'

/**
 * Refuses a request that has no route, and says which path or which methods the client most likely means; a refused
 * method gets the header that RFC 9110 demands.
 */
export function routeRefusal(
  paths: ApiDocument['paths'],
  { method, url }: Pick<FastifyRequest, 'method' | 'url'>,
  reply: Pick<FastifyReply, 'header'>,
): Refusal {
  const asked = decoded(url.split('?', 1)[0] ?? '')
  const filled = Object.entries(paths).map(([template, operations]) => ({
    path: filledIn(template, asked),
    methods: Object.keys(operations).filter((name) => HTTP_METHODS.includes(name)),
  }))
  const methods = isPage(asked)
    ? ['GET']
    : filled
        .filter(({ path }) => path === asked)
        .flatMap((each) => each.methods.map((name) => name.toUpperCase()))
  if (methods.length > 0 && !methods.includes(method)) {
    const allowed = methods.flatMap((name) => (name === 'GET' ? [name, 'HEAD'] : [name])).join(', ')
    void reply.header('allow', allowed)
    return new Refusal(
      'method-not-allowed',
      `${repeated(asked)} accepts ${allowed}, and not ${method}. ${ALL_PATHS}`,
    )
  }
  const known = filled.map(({ path }) => path)
  const near = known.includes(asked) ? undefined : closest(asked, known)
  const meant = near === undefined ? '' : `Did you mean ${near}? `
  return new Refusal('path-not-found', `${meant}${ALL_PATHS}`)
}

/** The path as the router compares it; a path that cannot be decoded stays unchanged. */
function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

/** A path of the document with the values of the path that was asked for in place of its parameters. */
function filledIn(template: string, asked: string): string {
  const given = asked.split('/')
  const parts = template.split('/')
  return parts.map((part, at) => (part.startsWith('{') ? given[at] || part : part)).join('/')
}

/**
 * Creates the refusals of what no route gets, on the connection itself. Invariant: a refusal never takes the place of
 * the answer to an earlier request of its connection, which a client or a proxy would take for the answer to that
 * request.
 */
export function createConnectionRefusals(deps: {
  readonly slowReaders: Pick<SlowReaders, 'afterAnswers' | 'answerUnderWay'>
  readonly allowPages: AllowPages
  readonly metrics: GatewayMetrics
}) {
  const { slowReaders, allowPages, metrics } = deps
  const seen = new WeakSet<Socket>()

  /** Answers a request that no other one precedes, and ends its connection. */
  function endNow(socket: Socket, refusal: Refusal, request?: IncomingMessage) {
    if (!socket.writable) {
      socket.destroy()
      return
    }
    metrics.refusals.inc({ code: refusal.code })
    const { status, headers, body } = refusalOnWire(refusal, allowPages, request)
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ]
    endGently(socket, `${head.join('\r\n')}\r\n\r\n${body}`)
  }

  return {
    /** Answers input that Node cannot parse as a request, once for each connection. */
    broken(error: BrokenRequest, socket: Socket): void {
      if (error.code === 'ECONNRESET') {
        socket.destroy()
        return
      }
      // Node reports each further piece of the input as well.
      if (seen.has(socket)) return
      seen.add(socket)
      const answer = slowReaders.answerUnderWay(socket)
      slowReaders.afterAnswers(socket, () => {
        // The request has its answer; what is broken is the rest of its body.
        if (answer?.headersSent === true) socket.destroy()
        else endNow(socket, new Refusal('invalid-request', brokenDetail(error)), answer?.req)
      })
    },
    /** Answers a request behind the answers to earlier ones, and ends its connection. */
    end(socket: Socket, refusal: Refusal, request: IncomingMessage): void {
      slowReaders.afterAnswers(socket, () => endNow(socket, refusal, request))
    },
    endNow,
  }
}

/** The parts of an answer that refuses a request, and after which the connection ends. */
export function refusalOnWire(
  refusal: Refusal,
  allowPages: AllowPages,
  request?: IncomingMessage,
): { status: number; headers: Record<string, string>; body: string } {
  const problem = toProblem(refusal)
  const body = JSON.stringify(problem)
  const headers = {
    ...allowPages.headersFor(request?.headers.origin),
    ...refusalHeaders(refusal),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }
  return { status: problem.status, headers, body }
}

type BrokenRequest = NodeJS.ErrnoException & { readonly reason?: string }

function brokenDetail({ code, reason }: BrokenRequest): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'Send at most 16 KiB of headers.'
  if (code === 'HPE_PAUSED_H2_UPGRADE') {
    return 'The gateway does not speak HTTP/2. Send the request over HTTP/1.1.'
  }
  const ask = 'Send a complete HTTP/1.1 request within 30 seconds.'
  return reason === undefined ? ask : `The gateway cannot read the request (${reason}). ${ask}`
}

/** Sends this refusal. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const problem = toProblem(refusal)
  return reply.code(problem.status).headers(refusalHeaders(refusal)).send(problem)
}

/** Returns the operationId of a route; undefined for a path that the document lacks. */
export function operationOf({ schema }: { readonly schema?: unknown }): string | undefined {
  return (schema as { operationId?: string } | undefined)?.operationId
}

const OUR_FAILURE = new Refusal(
  'internal',
  'The gateway failed; your request is not the cause. Send the request again later.',
)

/** Converts an error of any kind to a refusal for the client. */
export function refusalOf(error: Error): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof ServiceError) return ofServiceError(error)
  const { validation, validationContext, code, statusCode } = error as FastifyError
  if (validation !== undefined) {
    return wrongPlaces(fieldErrors(validation, validationContext ?? 'body'))
  }
  if (statusCode === 413) {
    return new Refusal(
      'body-too-large',
      'Send a body of at most 1 MiB. Store larger data in a place from which a tool can read it.',
    )
  }
  if (statusCode === 415) {
    return new Refusal('unsupported-media-type', 'Send the header Content-Type: application/json.')
  }
  if (code === 'FST_ERR_BAD_URL') {
    return new Refusal(
      'invalid-request',
      'The path is not a valid URL. Send ids and names as the API gave them, percent-encoded as UTF-8.',
    )
  }
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') {
    return new Refusal(
      'invalid-request',
      'A part of the path is longer than every id and name of the API. Send ids and names as the API gave them.',
    )
  }
  if (code?.startsWith('FST_ERR_CTP') || error instanceof SyntaxError) {
    return new Refusal('malformed-body', `Send one JSON object: ${error.message}.`)
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Refusal('invalid-request', repeated(error.message))
  }
  return OUR_FAILURE
}

function ofServiceError(error: ServiceError): Refusal {
  switch (error.code) {
    case 'bus-unavailable':
    case 'bus-timeout':
      return new Refusal(
        'bus-unavailable',
        'Nothing was changed. Send the request again after Retry-After seconds.',
      )
    case 'store-unavailable':
      return new Refusal(
        'store-unavailable',
        // The adapters write these messages; none has the name of a key.
        `${error.message}. Lists and usage are unavailable until Redis recovers and has all records again; single tasks can still be submitted and read.`,
      )
    case 'log-full':
    case 'overloaded':
    case 'outcome-unknown':
      return new Refusal(error.code, error.message)
    case 'too-large':
      return new Refusal(
        'body-too-large',
        'The request exceeds the largest message that NATS accepts. Send less text or a smaller context.',
      )
    case 'bad-message':
    case 'newer-format':
    case 'orchestrator-unavailable':
    case 'registry-unavailable':
      return OUR_FAILURE
    default:
      return unreachable(error.code)
  }
}
