import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
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

/**
 * Serves the pool over HTTP on loopback: the autoscaler and recovery use it on one machine as they use
 * Kubernetes in a cluster. `token` is the bearer token that callers must send. libs/orchestrator/README.md
 * has the contract.
 */
export async function serveControl(
  pool: WorkerPool,
  token: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(pool, token, request)
      .then(({ status, body }) => send(response, status, body))
      .catch((error: unknown) =>
        send(response, 500, { error: error instanceof Error ? error.message : String(error) }),
      )
  })
  server.requestTimeout = 10_000
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    url: `http://${LOOPBACK}:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

interface Answer {
  readonly status: number
  readonly body: object
}

async function answer(pool: WorkerPool, token: string, request: IncomingMessage): Promise<Answer> {
  if (!authorized(token, request.headers.authorization)) {
    return { status: 401, body: { error: 'Authorization: Bearer <ORCHESTRATOR_TOKEN> is needed' } }
  }
  const [, collection, id, action] = (request.url ?? '').split('/')
  if (collection !== 'workers')
    return { status: 404, body: { error: 'the control API serves only /workers' } }
  if (request.method === 'GET' && id === undefined) {
    return { status: 200, body: { workers: pool.workers() } }
  }
  if (request.method !== 'POST')
    return { status: 405, body: { error: 'the method must be GET or POST' } }
  if (id === undefined) {
    const { count } = JSON.parse(await readBody(request)) as { count?: unknown }
    if (!Number.isInteger(count) || Number(count) < 0 || Number(count) > WORKERS_MAX) {
      return { status: 400, body: { error: `count must be a whole number up to ${WORKERS_MAX}` } }
    }
    await pool.setCount(Number(count))
    return { status: 200, body: { workers: pool.workers() } }
  }
  if (action === 'leave' && pool.leave(id)) return { status: 202, body: {} }
  if (action === 'replace' && pool.replace(id)) return { status: 202, body: {} }
  return {
    status: 404,
    body: { error: `there is no worker ${id}, or no action ${String(action)}` },
  }
}

function authorized(token: string, header: string | undefined): boolean {
  const expected = Buffer.from(`Bearer ${token}`)
  const given = Buffer.from(header ?? '')
  return expected.length === given.length && timingSafeEqual(expected, given)
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > BODY_MAX_BYTES) throw new Error('the body of the request is too large')
  }
  return body
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
