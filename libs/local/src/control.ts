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
    return refusal(401, 'Send the header Authorization: Bearer <ORCHESTRATOR_TOKEN>.')
  }
  const [path = ''] = (request.url ?? '').split('?', 1)
  const [, collection, id, action, ...rest] = path.split('/')
  if (collection !== 'workers' || rest.length > 0) {
    return refusal(404, 'The control API serves only /workers and /workers/{id}/leave or /replace.')
  }
  if (id === undefined) return answerAll(pool, request)
  if (request.method !== 'POST') return refusal(405, 'Send an action of a worker with POST.')
  if (action !== 'leave' && action !== 'replace') {
    return refusal(404, 'Send POST /workers/{id}/leave or POST /workers/{id}/replace.')
  }
  if (pool[action](id)) return { status: 202, body: {} }
  return refusal(404, 'There has been no worker with this id; GET /workers lists the workers.')
}

/** Answers a request for all workers. */
async function answerAll(pool: WorkerPool, request: IncomingMessage): Promise<Answer> {
  if (request.method === 'POST') {
    const text = await readBody(request)
    if (text === undefined) return refusal(413, `Send a body of at most ${BODY_MAX_BYTES} bytes.`)
    const count = countIn(text)
    if (count === undefined) {
      const detail = `Send the JSON {"count": n} with a whole number from 0 to ${WORKERS_MAX}.`
      return refusal(400, detail)
    }
    await pool.setCount(count)
  } else if (request.method !== 'GET') return refusal(405, 'Send GET or POST to /workers.')
  return { status: 200, body: { workers: pool.workers() } }
}

function refusal(status: number, error: string): Answer {
  return { status, body: { error } }
}

/** The wanted number of workers; undefined: the text does not say it. */
function countIn(text: string): number | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { count } = (value ?? {}) as { count?: unknown }
  const known = typeof count === 'number' && Number.isInteger(count)
  return known && count >= 0 && count <= WORKERS_MAX ? count : undefined
}

function authorized(token: string, header: string | undefined): boolean {
  const expected = Buffer.from(`Bearer ${token}`)
  const given = Buffer.from(header ?? '')
  return expected.length === given.length && timingSafeEqual(expected, given)
}

/** Reads the body; undefined: it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = []
  let bytes = 0
  // To leave the loop early would cut the connection before the answer.
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes <= BODY_MAX_BYTES) pieces.push(piece)
  }
  return bytes > BODY_MAX_BYTES ? undefined : Buffer.concat(pieces).toString()
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
