import websocket from '@fastify/websocket'
import {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RouteOptions,
} from 'fastify'
import openapiGlue from 'fastify-openapi-glue'
import { settleWithin, type Logger } from '@agentfleet/runtime'
import { STREAM_PROTOCOL, type Authenticate } from './auth.ts'
import { openOperations, routable, type ApiDocument } from './document.ts'
import { answerBrokenRequest, answerWithProblems, refusalOf, sendRefusal } from './errors.ts'
import type { GatewayMetrics } from '../metrics.ts'
import { requestValidator } from './validation.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose request it is. */
    tenant: string
  }
}

/** 128k characters of task and as much of system prompt fit, with their context. */
const BODY_MAX_BYTES = 1024 * 1024
/** A request that is not complete by then is a stuck or hostile client. */
const REQUEST_TIMEOUT_MS = 30_000
/** Longer than the usual 60 s of proxies, so that they close idle connections first. */
const KEEP_ALIVE_MS = 75_000
/** A drain is not held up by more than this for nothing. */
const CLOSE_SWEEP_MS = 50
const FRAME_MAX_BYTES = 64 * 1024

/**
 * Many clients name JSON on every request, a cancel without a body too. Where a body is needed, its
 * absence is found by the validation.
 */
function acceptEmptyBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '') done(null, undefined)
      // It answers through `done` and returns nothing.
      else void parse(request, body, done)
    },
  )
}

/** Handlers or route options by operationId. */
export type Handlers = Readonly<Record<string, unknown>>

/** The public server with the routes of the document, not yet listening. */
export async function createApi(deps: {
  document: ApiDocument
  handlers: Handlers
  authenticate: Authenticate
  metrics: GatewayMetrics
  log: Logger
}): Promise<FastifyInstance> {
  const { document, handlers, authenticate, metrics, log } = deps
  const app = fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => void sendRefusal(reply, refusalOf(error)),
  })
  const unlocked = openOperations(document)
  app.decorateRequest('tenant', '')
  app.removeContentTypeParser('text/plain')
  acceptEmptyBodies(app)
  app.setValidatorCompiler(requestValidator())
  answerWithProblems(app, log, metrics)
  app.addHook('onRoute', (route) => {
    const operation = operationOf(route)
    if (operation === undefined) return
    requireJsonBody(route)
    if (unlocked.has(operation)) return
    const stream = operation === 'openStream'
    // Before the body is read: whoever has no key costs nothing more.
    route.onRequest = (request, _reply, done) => {
      request.tenant = authenticate(request, stream)
      done()
    }
  })
  await app.register(websocket, {
    options: {
      maxPayload: FRAME_MAX_BYTES,
      perMessageDeflate: false,
      // A key offered as a protocol must not be echoed.
      handleProtocols: (offered) => (offered.has(STREAM_PROTOCOL) ? STREAM_PROTOCOL : false),
    },
    errorHandler(error, socket) {
      log.debug({ err: error }, 'a stream broke')
      socket.terminate()
    },
  })
  await app.register(openapiGlue, {
    specification: routable(document),
    operationResolver: (operationId) => {
      const handler = handlers[operationId]
      if (handler === undefined) throw new Error(`no handler for the operation ${operationId}`)
      return typeof handler === 'function'
        ? measured(operationId, handler as Handler, metrics)
        : (handler as () => unknown)
    },
  })
  await app.ready()
  return app
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** Times a handler; a hook on the response would cost two listeners on every one. */
function measured(operation: string, handler: Handler, metrics: GatewayMetrics): () => unknown {
  return async function answer(this: unknown, ...[request, reply]: Parameters<Handler>) {
    const startedMs = performance.now()
    const result = await handler.call(this, request, reply)
    const status = `${Math.floor(reply.statusCode / 100)}xx`
    metrics.requests.observe({ operation, status }, (performance.now() - startedMs) / 1_000)
    return result
  } as () => unknown
}

/**
 * Accepts nothing new and resolves when every request is answered and every connection has ended; what
 * is still open at the deadline is cut.
 */
export async function closeApi(app: FastifyInstance, deadlineMs: number): Promise<void> {
  const closing = app.close()
  // A connection whose request was answered after the close began would be kept alive for its next one.
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

function operationOf({ schema }: RouteOptions): string | undefined {
  return (schema as { operationId?: string } | undefined)?.operationId
}

/**
 * The glue hands on one schema for each media type, and a body of any other type would pass
 * unchecked; there is only JSON here, so the schema is for every body.
 */
function requireJsonBody(route: RouteOptions): void {
  const { schema } = route
  const body = schema?.body as { content?: Record<string, { schema: unknown }> } | undefined
  const json = body?.content?.['application/json']
  if (schema && json) schema.body = json.schema
}
