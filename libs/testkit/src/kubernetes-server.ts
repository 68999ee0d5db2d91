import { listen } from './listen.ts'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COST, createCluster, DEPLOYMENT, NAMESPACE } from './kubernetes-cluster.ts'

/**
 * An API server with one Deployment and its pods: list, watch, scale, patch and delete with resource
 * versions, as a cluster answers them, and a controller that makes the pods follow the scale. `requests`
 * holds every request; faults make the server answer as a faulty cluster does.
 */
const TOKEN = 'token-of-the-service-account'
const SCALE_PATH = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${DEPLOYMENT}/scale`
const PODS_PATH = `/api/v1/namespaces/${NAMESPACE}/pods`

/** The faults that a request may get instead of an answer. */
type Fault = 'forbidden' | 'silent' | 'conflict' | 'broken' | 'gone' | 'unwell'

/** One request as the server received it. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: unknown
}

/** Whether the roles in k8s/base grant a request; every other request is a mistake of the driver. */
export function isAllowed({ method, path, body }: SeenRequest): boolean {
  if (path === SCALE_PATH) {
    return method === 'GET' || (method === 'PATCH' && keysOf(body) === 'metadata,spec')
  }
  if (path === PODS_PATH) return method === 'GET'
  if (method === 'GET' || method === 'DELETE') return path.startsWith(`${PODS_PATH}/`)
  const annotations = (body as { metadata?: { annotations?: object } } | undefined)?.metadata
  return (
    method === 'PATCH' &&
    path.startsWith(`${PODS_PATH}/${DEPLOYMENT}-`) &&
    keysOf(body) === 'metadata' &&
    keysOf(annotations) === 'annotations' &&
    keysOf(annotations?.annotations) === COST
  )
}

/** Starts the server on a free port. */
export async function startKubernetes(replicas: number) {
  const cluster = createCluster(replicas)
  const requests: SeenRequest[] = []
  const faults: { match(request: SeenRequest): boolean; fault: Fault; left: number }[] = []
  const watchers = createWatchers(cluster)
  const server = createServer((incoming, response) => {
    void read(incoming).then((request) => {
      if (incoming.headers.authorization !== `Bearer ${TOKEN}`) {
        return refuse(response, 401, 'Unauthorized')
      }
      requests.push(request)
      // The generated client would by default send another kind of patch.
      const merges = incoming.headers['content-type'] === 'application/merge-patch+json'
      if (request.method === 'PATCH' && !merges)
        return refuse(response, 415, 'UnsupportedMediaType')
      const fault = faults.find((one) => one.left > 0 && one.match(request))
      if (fault === undefined) return serve(cluster, watchers, request, response)
      fault.left -= 1
      return meet(fault.fault, response)
    })
  })
  const { url, close } = await listen(server)
  const dir = await mkdtemp(join(tmpdir(), 'kubernetes-'))
  const tokenFile = join(dir, 'token')
  await writeFile(tokenFile, TOKEN)

  return {
    ...cluster,
    /** The driver's configuration for this server. */
    target: {
      deployment: DEPLOYMENT,
      namespace: NAMESPACE,
      apiUrl: url,
      tokenFile,
      caFile: undefined,
    },
    requests,
    watchers: watchers.size,
    /** The next matching requests get this fault. */
    fault(fault: Fault, match: (request: SeenRequest) => boolean, times = Infinity) {
      faults.push({ fault, match, left: times })
    },
    heal: () => void (faults.length = 0),
    /** Ends every watch, as a restarting API server does. */
    cutWatches: watchers.cut,
    async [Symbol.asyncDispose]() {
      await close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function patchScale(cluster: Cluster, response: ServerResponse, body: unknown): void {
  const { metadata, spec } = body as {
    metadata: { resourceVersion: string }
    spec: { replicas: number }
  }
  if (metadata.resourceVersion !== cluster.scale().metadata.resourceVersion) {
    return refuse(response, 409, 'Conflict')
  }
  cluster.setReplicas(spec.replicas)
  answer(response, 200, cluster.scale())
}

function serve(
  cluster: Cluster,
  watchers: ReturnType<typeof createWatchers>,
  request: SeenRequest,
  response: ServerResponse,
): void {
  const { method, path, query, body } = request
  if (path === SCALE_PATH && method === 'GET') return answer(response, 200, cluster.scale())
  if (path === SCALE_PATH && method === 'PATCH') return patchScale(cluster, response, body)
  if (path === PODS_PATH && method === 'GET') {
    if (query.get('watch') === 'true')
      return watchers.add(response, query.get('resourceVersion') ?? '0')
    return answer(response, 200, cluster.list())
  }
  const pod = cluster.pod(path.slice(PODS_PATH.length + 1))
  if (pod === undefined) return refuse(response, 404, 'NotFound')
  if (method === 'GET') return answer(response, 200, pod)
  if (method === 'DELETE') {
    const { preconditions } = body as { preconditions?: { uid?: string } }
    if (preconditions?.uid !== pod.metadata.uid) return refuse(response, 409, 'Conflict')
    cluster.terminate(pod)
    return answer(response, 200, pod)
  }
  const cost = (body as { metadata: { annotations: Record<string, string | null> } }).metadata
    .annotations[COST]
  cluster.annotate(pod, cost ?? null)
  return answer(response, 200, pod)
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  answer(response, code, { kind: 'Status', status: 'Failure', code, reason })
}

function meet(fault: Fault, response: ServerResponse): void {
  if (fault === 'silent') return
  if (fault === 'broken') return void response.destroy()
  if (fault === 'forbidden') return refuse(response, 403, 'Forbidden')
  if (fault === 'unwell') return refuse(response, 503, 'ServiceUnavailable')
  return fault === 'gone' ? refuse(response, 410, 'Expired') : refuse(response, 409, 'Conflict')
}

type Cluster = ReturnType<typeof createCluster>

/** Creates the watches of the pods, at first none. */
function createWatchers(cluster: Cluster) {
  const watchers = new Set<ServerResponse>()
  cluster.onEvent((type, pod) => {
    for (const response of watchers) response.write(`${JSON.stringify({ type, object: pod })}\n`)
  })
  return {
    size: () => watchers.size,
    cut(): void {
      for (const response of watchers) response.destroy()
    },
    add(response: ServerResponse, since: string): void {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
      if (Number(since) < cluster.compactedTo()) {
        const object = { kind: 'Status', code: 410, reason: 'Expired' }
        response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`)
        return
      }
      for (const [type, object] of cluster.eventsAfter(Number(since))) {
        response.write(`${JSON.stringify({ type, object })}\n`)
      }
      watchers.add(response)
      response.on('close', () => watchers.delete(response))
    },
  }
}

function keysOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.keys(value).sort().join() : ''
}

async function read(incoming: IncomingMessage): Promise<SeenRequest> {
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  const url = new URL(incoming.url ?? '/', 'http://server')
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  }
}
