import { timingSafeEqual } from 'node:crypto'
import { jsonIn } from '@agentfleet/domain'
import { fastify, type FastifyError, type FastifyReply } from 'fastify'
import { LOOPBACK } from './servers/ports.ts'

/** The workers of a one-machine fleet, as its control API offers them. */
export interface WorkerPool {
  workers(): readonly { id: string; pid: number; startedAtMs: number; state: string }[]
  /** Keeps this many workers up, without those that leave; never stops one. */
  setCount(count: number): Promise<void>
  /** One worker finishes its work and no longer counts, so another takes its place; false: unknown. */
  leave(id: string): boolean
  /** Ends one worker by force, another takes its place; false: unknown. */
  replace(id: string): boolean
}

/** More than this at once would only bring the machine down. */
const WORKERS_MAX = 64
const BODY_MAX_BYTES = 4_096
/** Milliseconds. Only services of this machine call. */
const REQUEST_TIMEOUT_MS = 10_000

/**
 * Serves the pool over HTTP on loopback: the autoscaler and recovery use it on one machine as they use
 * Kubernetes in a cluster. `token` is the bearer token that callers must send. libs/orchestrator/README.md
 * has the contract.
 */
export async function serveControl(
  pool: WorkerPool,
  token: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const http = fastify({
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: BODY_MAX_BYTES,
  })
  // A body is JSON whatever its header says.
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'string' }, async (_: unknown, text: unknown) => text)
  http.addHook('onRequest', async ({ headers }, reply) => {
    if (!authorized(token, headers.authorization))
      return refuse(reply, 401, 'Send the header Authorization: Bearer <ORCHESTRATOR_TOKEN>.')
  })
  http.setErrorHandler<FastifyError>(({ statusCode = 500, message }, _, reply) =>
    refuse(
      reply,
      statusCode,
      statusCode === 413 ? `Send a body of at most ${BODY_MAX_BYTES} bytes.` : message,
    ),
  )
  http.setNotFoundHandler((_, reply) => {
    const served = '/workers and /workers/{id}/leave or /replace'
    return refuse(reply, 404, `The control API serves only ${served}.`)
  })
  http.all('/workers', async ({ method, body }, reply) => {
    if (method === 'POST') {
      const count = countIn(String(body))
      if (count === undefined) {
        const detail = `Send the JSON {"count": n} with a whole number from 0 to ${WORKERS_MAX}.`
        return refuse(reply, 400, detail)
      }
      await pool.setCount(count)
    } else if (method !== 'GET') return refuse(reply, 405, 'Send GET or POST to /workers.')
    return { workers: pool.workers() }
  })
  http.all<{ Params: { id: string; action: string } }>(
    '/workers/:id/:action',
    async ({ method, params: { id, action } }, reply) => {
      if (method !== 'POST') return refuse(reply, 405, 'Send an action of a worker with POST.')
      if (action !== 'leave' && action !== 'replace') {
        return refuse(reply, 404, 'Send POST /workers/{id}/leave or POST /workers/{id}/replace.')
      }
      if (pool[action](id)) return reply.code(202).send({})
      return refuse(
        reply,
        404,
        'There has been no worker with this id; GET /workers lists the workers.',
      )
    },
  )
  return { url: await http.listen({ port: 0, host: LOOPBACK }), close: () => http.close() }
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).send({ error })
}

/** The wanted number of workers; undefined: the text does not say it. */
function countIn(text: string): number | undefined {
  const { count } = (jsonIn(text) ?? {}) as { count?: unknown }
  const known = typeof count === 'number' && Number.isInteger(count)
  return known && count >= 0 && count <= WORKERS_MAX ? count : undefined
}

function authorized(token: string, header: string | undefined): boolean {
  const expected = Buffer.from(`Bearer ${token}`)
  const given = Buffer.from(header ?? '')
  return expected.length === given.length && timingSafeEqual(expected, given)
}
