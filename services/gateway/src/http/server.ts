import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySerializerCompiler,
  type RouteOptions,
} from 'fastify'
import type { PageFile } from '@agentfleet/console'
import { settleWithin, type Logger } from '@agentfleet/runtime'
import { mayHaveChanged, type Principal } from '@agentfleet/domain'
import { watchAddresses } from './addresses.ts'
import { acceptJsonBodies, countBodies, refuseBody } from './bodies.ts'
import { STREAM_PROTOCOL } from './auth.ts'
import {
  auditedOperations,
  bodilessOperations,
  openOperations,
  operationScopes,
  type ApiDocument,
} from './openapi/document.ts'
import {
  answerWithProblems,
  createConnectionRefusals,
  operationOf,
  refusalOf,
  refusalOnWire,
  routeRefusal,
  sendRefusal,
} from './errors.ts'
import type { Guard } from './guard.ts'
import type { AllowPages, CheckCaller } from './hosts.ts'
import type { GatewayMetrics } from '../metrics.ts'
import { routesOf } from './openapi/operations.ts'
import { servePage, withoutPath } from './page.ts'
import { Refusal } from './problems.ts'
import type { IsProxy } from './proxies.ts'
import type { Recorder } from '../principals/record.ts'
import { ANSWERS_MAX, endAfter, watchSlowReaders, type SlowReaders } from './slow-readers.ts'
import { createTenantTurns, LARGE_OPERATIONS } from '../tenants/turns.ts'
import { ignoreOtherUpgrades } from './upgrades.ts'
import { requestValidator } from './validation.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The tenant of the request. */
    tenant: string
    /** The caller of the request; undefined for an operation that needs no key. */
    principal: Principal | undefined
    /** The handler found everything as the request asks for it, so the audit log has no event. */
    unchanged: boolean
  }
}

/**
 * Largest HTTP body, bytes. A task and a system prompt of 131,072 characters each fit if a character takes at
 * most three bytes; with four-byte characters both at their limit get 413.
 */
const BODY_MAX_BYTES = 1024 * 1024
/** A client that has not sent its request by then is stuck or hostile. */
const REQUEST_TIMEOUT_MS = 30_000
/** The answer to `Expect` with anything but `100-continue`. */
const UNKNOWN_EXPECTATION = new Refusal(
  'invalid-request',
  'Send the request without the header Expect, or with Expect: 100-continue.',
)
/** The answer to a client that does not wait for answers. */
const TOO_MANY_OPEN = new Refusal(
  'too-many-requests-open',
  `This connection has ${ANSWERS_MAX} requests without an answer. Send this request and those behind it again, over another connection.`,
)
/** The answer to the method CONNECT, which Node gives to no route. */
const NO_PROXY = new Refusal(
  'path-not-found',
  'The gateway is not a proxy. GET /openapi.json lists the paths and methods of this API.',
)
/** Milliseconds between checks for such clients. */
const REQUEST_CHECK_MS = 5_000
/** Longer than the usual 60 s of proxies, so that the proxy closes idle connections first. */
const KEEP_ALIVE_MS = 75_000
/** Milliseconds between sweeps; bounds how long an idle connection can delay a drain. */
const CLOSE_SWEEP_MS = 50
/** The only path at which the gateway opens a WebSocket. */
const STREAM_PATH = '/v1/stream'
const FRAME_MAX_BYTES = 64 * 1024
/** Pieces of one unfinished message; each costs more memory than its bytes, and no client sends so many. */
const FRAME_PIECES_MAX = 256

/** Creates the public server with the routes of the document; it does not listen yet. */
export async function createApi(deps: {
  document: ApiDocument
  /** Handlers or route options by operationId. */
  handlers: Readonly<Record<string, unknown>>
  checkCaller: CheckCaller
  allowPages: AllowPages
  isProxy: IsProxy | undefined
  /** The most connections of one address, if the operator has set a limit. */
  perAddress: number | undefined
  /** The files of the page; none if it has not been built. */
  page: readonly PageFile[]
  /** The path of a proxy before every address; empty if there is none. */
  publicPath: string
  guard: Guard
  recorder: Recorder
  metrics: GatewayMetrics
  monotonicMs: () => number
  log: Logger
}): Promise<{ readonly app: FastifyInstance; readonly slowReaders: SlowReaders }> {
  const { document, allowPages, isProxy, recorder, metrics, log, publicPath } = deps
  const app = fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Node would answer a request without a host by itself, without a problem document.
    http: {
      connectionsCheckingInterval: REQUEST_CHECK_MS,
      requireHostHeader: false,
      // Node exchanges the two times if that of the headers is longer; its default is a minute.
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    trustProxy: isProxy ?? false,
    clientErrorHandler: (error, socket) => refusals.broken(error, socket),
    frameworkErrors: (error, request, reply) => {
      const refusal = refusalOf(error)
      allowPages.readable(request, reply)
      metrics.refusals.inc({ code: refusal.code })
      void sendRefusal(reply, refusal)
    },
    ...(publicPath === ''
      ? {}
      : { rewriteUrl: ({ url = '/' }: IncomingMessage) => withoutPath(url, publicPath) }),
  })
  const addresses = watchAddresses(app.server, {
    isProxy,
    perAddress: deps.perAddress,
    dropped(address) {
      metrics.refusals.inc({ code: 'too-many-connections' })
      log.debug(
        { address },
        'The gateway ended a connection because its address and the gateway have too many connections',
      )
    },
  })
  // Node takes its listener away before `connect` and `upgrade`, and an error without a listener ends the process.
  app.server.on('connection', (socket: Socket) => socket.on('error', ignoreError))
  app.server.prependListener('request', answerHeadLikeGet)
  const slowReaders = watchSlowReaders(app.server, deps.monotonicMs)
  const refusals = createConnectionRefusals({ slowReaders, allowPages, metrics })
  const countBody = countBodies(BODY_MAX_BYTES)
  const unlocked = openOperations(document)
  const bodiless = bodilessOperations(document)
  const audited = auditedOperations(document)
  const scopes = operationScopes(document)
  const tenantTurns = createTenantTurns()
  app.decorateRequest('tenant', '')
  app.decorateRequest('principal', undefined)
  app.decorateRequest('unchanged', false)
  app.removeContentTypeParser('text/plain')
  acceptJsonBodies(app)
  app.setValidatorCompiler(requestValidator())
  answerWithProblems(app, log, metrics, recorder, document.paths)
  const answering = (operation: string, handler: Handler): Handler => {
    const answer: Handler = LARGE_OPERATIONS.has(operation)
      ? (request, reply) => tenantTurns(request.tenant, () => handler(request, reply))
      : handler
    return measured(operation, answer, metrics, recorder, audited.has(operation))
  }
  app.addHook('onRoute', (route) => {
    const operation = operationOf(route)
    if (operation === undefined) return
    if (bodiless.has(operation)) route.preValidation = takeNoBodyForEmpty
    if (audited.has(operation)) route.onSend = recordChange(operation, recorder)
    const checkBody = route.schema?.body === undefined ? refuseBody : countBody
    route.onRequest = checkBody
    if (unlocked.has(operation)) return
    refuseUnknownQuery(route)
    const needs = { scope: scopes.get(operation), stream: operation === 'openStream' }
    route.onRequest = [deps.guard(operation, needs), checkBody]
  })
  await app.register(websocket, {
    options: {
      maxPayload: FRAME_MAX_BYTES,
      maxFragments: FRAME_PIECES_MAX,
      maxBufferedChunks: FRAME_PIECES_MAX,
      perMessageDeflate: false,
      // One read of a socket may bring thousands of frames: each is served in a turn by itself.
      allowSynchronousEvents: false,
      // The server must not echo a key that the client offered as a subprotocol.
      handleProtocols: (offered) => (offered.has(STREAM_PROTOCOL) ? STREAM_PROTOCOL : false),
    },
    errorHandler(error, socket) {
      log.debug({ err: error }, 'A WebSocket connection failed')
      socket.terminate()
    },
  })
  // Ahead of every route, the upgrade to a WebSocket and unknown paths included; behind the hook of
  // the WebSocket plugin, which ends the connection of an upgrade that was refused.
  app.addHook('onRequest', (request, reply, done) => {
    // First, so that a page can read each refusal.
    allowPages.readable(request, reply)
    const address = addresses.check(request, reply)
    const arrival = slowReaders.check(request.raw, reply.raw, address)
    if (arrival === 'ignore') {
      reply.hijack()
      return
    }
    if (arrival === 'refuse') throw TOO_MANY_OPEN
    deps.checkCaller(request)
    if (allowPages.answered(request, reply)) return
    // Before its body is read: an unknown path asks for no key, and nothing bounds the bodies that it gets.
    if (request.is404) done(routeRefusal(document.paths, request, reply))
    else done()
  })
  servePage(app, deps.page, publicPath)
  const serializerCompiler = laterSerializers(app)
  for (const [index, { method, url, schema }] of routesOf(document).entries()) {
    const { operationId } = schema
    const handler = deps.handlers[operationId]
    if (handler === undefined) {
      throw new Error(`The gateway has no handler for the operation ${operationId}`)
    }
    const options =
      typeof handler === 'function'
        ? { handler: answering(operationId, handler as Handler) }
        : (handler as { readonly handler: Handler })
    // Fastify creates its compiler of answers when it starts with a route that brings none.
    const later = index === 0 ? {} : { serializerCompiler }
    app.route({ method, url, schema: { ...schema }, ...later, ...options })
  }
  await app.ready()
  const isStream = (url: string): boolean => {
    const [path] = withoutPath(url, publicPath).split('?', 1)
    return path === STREAM_PATH
  }
  ignoreOtherUpgrades(app.server, isStream, slowReaders.afterAnswers)
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    metrics.refusals.inc({ code: UNKNOWN_EXPECTATION.code })
    if (slowReaders.check(request, response) === 'ignore') return
    endAfter(response, request.socket)
    const { status, headers, body } = refusalOnWire(UNKNOWN_EXPECTATION, allowPages, request)
    response.writeHead(status, headers).end(body)
  })
  app.server.on('connect', (request: IncomingMessage, socket: Socket) => {
    refusals.end(socket, NO_PROXY, request)
  })
  app.websocketServer.on('wsClientError', (error, socket: Socket, request) => {
    const detail = `Correct the handshake of the WebSocket: ${error.message}.`
    refusals.endNow(socket, new Refusal('invalid-request', detail), request)
  })
  return { app, slowReaders }
}

function ignoreError(): void {}

/**
 * Lets HEAD take the way of GET, with its checks and limits. Node has read the method before, and sends the headers
 * without the body.
 */
function answerHeadLikeGet(request: IncomingMessage): void {
  if (request.method === 'HEAD') request.method = 'GET'
}

/** Writes each kind of answer with a function that Fastify compiles for the first such answer, not at the start. */
function laterSerializers(app: FastifyInstance): FastifySerializerCompiler<unknown> {
  return (place) => {
    let compiled: ReturnType<FastifySerializerCompiler<unknown>> | undefined
    return (answer) => {
      compiled ??= app.serializerCompiler?.(place)
      if (compiled === undefined) throw new Error('Fastify has no compiler of answers')
      return compiled(answer)
    }
  }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** Measures and records a handler; a response hook would add two listeners to every response. */
function measured(
  operation: string,
  handler: Handler,
  metrics: GatewayMetrics,
  recorder: Recorder,
  audited: boolean,
): Handler {
  return async (request, reply) => {
    const startedMs = performance.now()
    let result: unknown
    try {
      result = await handler(request, reply)
    } catch (error) {
      const { code } = refusalOf(error as Error)
      if (audited && mayHaveChanged(code) && !isDryRun(request)) {
        // The answer does not wait: the store of the record may be what failed.
        void recorder.mayHaveChanged(request, operation, code, targetOf(request, undefined))
      }
      throw error
    }
    const { statusCode } = reply
    const ms = performance.now() - startedMs
    const status = `${Math.floor(statusCode / 100)}xx`
    metrics.requests.observe({ operation, status }, ms / 1_000)
    recorder.answered(request, operation, statusCode, ms)
    return result
  }
}

/** Whether the request only asks what it would change. */
function isDryRun({ body }: FastifyRequest): boolean {
  return (body as { dryRun?: boolean } | null | undefined)?.dryRun === true
}

/** Records a change before its answer leaves, so that no caller hears of a change without a record. */
function recordChange(operation: string, recorder: Recorder) {
  return async (request: FastifyRequest, { statusCode }: FastifyReply, payload: unknown) => {
    if (statusCode < REFUSED_FROM && !request.unchanged && !isDryRun(request)) {
      await recorder.changed(request, operation, statusCode, targetOf(request, payload))
    }
    return payload
  }
}

/** From this status on, an answer says that nothing was changed. */
const REFUSED_FROM = 400

/** Names the changed thing: by the path, or by the answer that made it. */
function targetOf({ params }: FastifyRequest, payload: unknown): string | undefined {
  const { id, name } = params as { id?: string; name?: string }
  if (id !== undefined || name !== undefined) return id ?? name
  return typeof payload === 'string' ? (JSON.parse(payload) as { id?: string }).id : undefined
}

/**
 * Accepts nothing new and resolves once every request is answered and every connection has ended;
 * cuts open connections at the deadline.
 */
export async function closeApi(app: FastifyInstance, deadlineMs: number): Promise<void> {
  const closing = app.close()
  // Node would keep a connection alive whose request is answered after the close began.
  const sweeping = setInterval(() => app.server.closeIdleConnections(), CLOSE_SWEEP_MS)
  try {
    if (await settleWithin(closing, deadlineMs)) return
    app.server.closeAllConnections()
    for (const socket of app.websocketServer.clients) socket.terminate()
    await closing
  } finally {
    clearInterval(sweeping)
  }
}

/** If an operation needs no body, a request without a body gets the default values. */
function takeNoBodyForEmpty(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  if (request.body === undefined || request.body === null) request.body = {}
  done()
}

/**
 * Lets an operation without query parameters refuse each one: a caller who asks for a dry run in the query of an
 * operation that takes it in the body would otherwise get the change itself.
 */
function refuseUnknownQuery({ schema }: RouteOptions): void {
  if (schema) schema.querystring ??= { type: 'object', properties: {} }
}
