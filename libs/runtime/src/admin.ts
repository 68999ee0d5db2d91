import { fastify, type FastifyInstance } from 'fastify'
import type { Registry } from './metrics.ts'
import type { Readiness } from './service.ts'

/** Only probes and scrapers connect: a connection that takes longer than this is stuck. */
const REQUEST_TIMEOUT_MS = 10_000

/** No admin path reads a body; routes that a service adds may read a small one. */
const BODY_MAX_BYTES = 64 * 1024

/**
 * No route of the admin server has a schema. Without these, Fastify would load its compilers of schemas, which
 * are a seventh of the modules of a service.
 */
const COMPILERS = { buildValidator: refuseSchema, buildSerializer: refuseSchema }

/** The functions through which the admin server asks the process about itself. */
interface AdminView {
  registry: Registry
  started: () => boolean
  readiness: () => Readiness
}

/** The server of `/livez`, `/readyz`, `/startupz` and `/metrics`, not yet listening. */
export function createAdminServer({ registry, started, readiness }: AdminView): FastifyInstance {
  const http = fastify({
    logger: false,
    // Probes keep their connections; closing must not wait for them.
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: BODY_MAX_BYTES,
    schemaController: { compilersFactory: COMPILERS },
  })
  http.get('/livez', async () => ({ ok: true }))
  http.get('/startupz', async (_request, reply) => {
    const ok = started()
    return reply.code(ok ? 200 : 503).send(ok ? { ok } : { ok, reason: 'starting' })
  })
  http.get('/readyz', async (_request, reply) => {
    const answer = readiness()
    return reply.code(answer.ok ? 200 : 503).send(answer)
  })
  http.get('/metrics', async (_request, reply) => {
    const body = await registry.metrics()
    return reply.header('content-type', registry.contentType).send(body)
  })
  return http
}

function refuseSchema(): never {
  throw new Error(
    'A route of the admin server cannot have a schema; check its values in its handler',
  )
}
