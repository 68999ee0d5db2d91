import { listen } from './listen.ts'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * An API server with one Deployment and its pods: list, watch, scale, patch and delete with resource
 * versions, as a cluster answers them, and a controller that makes the pods follow the scale. `requests`
 * holds every request; faults make the server answer as a faulty cluster does.
 */
const NAMESPACE = 'agentfleet'
/** Name of the Deployment, which every pod's name begins with. */
export const DEPLOYMENT = 'agent-worker'
const TOKEN = 'token-of-the-service-account'
const SELECTOR = `app.kubernetes.io/name=${DEPLOYMENT}`
const COST = 'controller.kubernetes.io/pod-deletion-cost'
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

interface Pod {
  metadata: {
    name: string
    uid: string
    resourceVersion: string
    creationTimestamp: string
    labels: Record<string, string>
    annotations: Record<string, string>
    ownerReferences: { kind: string; name: string; controller: boolean }[]
    deletionTimestamp?: string
  }
  spec: { nodeName: string; containers: object[] }
  status: {
    phase: string
    startTime?: string
    conditions: { type: string; status: string }[]
    containerStatuses: { name: string; restartCount: number; lastState?: object }[]
  }
}

/** Starts the server on a free port. */
export async function startKubernetes(replicas: number) {
  const state = createState(replicas)
  const requests: SeenRequest[] = []
  const faults: { match(request: SeenRequest): boolean; fault: Fault; left: number }[] = []
  const watchers = new Map<ServerResponse, string>()
  state.onEvent((type, pod) => {
    for (const response of watchers.keys())
      response.write(`${JSON.stringify({ type, object: pod })}\n`)
  })

  const answer = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
  const refuse = (response: ServerResponse, code: number, reason: string): void =>
    answer(response, code, { kind: 'Status', status: 'Failure', code, reason })

  const watch = (response: ServerResponse, since: string): void => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (Number(since) < state.compactedTo()) {
      const object = { kind: 'Status', code: 410, reason: 'Expired' }
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`)
      return
    }
    for (const [type, object] of state.eventsAfter(Number(since))) {
      response.write(`${JSON.stringify({ type, object })}\n`)
    }
    watchers.set(response, since)
    response.on('close', () => watchers.delete(response))
  }
  const patchScale = (response: ServerResponse, body: unknown): void => {
    const { metadata, spec } = body as {
      metadata: { resourceVersion: string }
      spec: { replicas: number }
    }
    if (metadata.resourceVersion !== state.scale().metadata.resourceVersion) {
      return refuse(response, 409, 'Conflict')
    }
    state.setReplicas(spec.replicas)
    answer(response, 200, state.scale())
  }
  const serve = (request: SeenRequest, response: ServerResponse): void => {
    const { method, path, query, body } = request
    if (path === SCALE_PATH && method === 'GET') return answer(response, 200, state.scale())
    if (path === SCALE_PATH && method === 'PATCH') return patchScale(response, body)
    if (path === PODS_PATH && method === 'GET') {
      if (query.get('watch') === 'true') return watch(response, query.get('resourceVersion') ?? '0')
      return answer(response, 200, state.list())
    }
    const pod = state.pod(path.slice(PODS_PATH.length + 1))
    if (pod === undefined) return refuse(response, 404, 'NotFound')
    if (method === 'GET') return answer(response, 200, pod)
    if (method === 'DELETE') {
      const { preconditions } = body as { preconditions?: { uid?: string } }
      if (preconditions?.uid !== pod.metadata.uid) return refuse(response, 409, 'Conflict')
      state.terminate(pod)
      return answer(response, 200, pod)
    }
    const cost = (body as { metadata: { annotations: Record<string, string | null> } }).metadata
      .annotations[COST]
    state.annotate(pod, cost ?? null)
    return answer(response, 200, pod)
  }
  const meet = (fault: Fault, response: ServerResponse): void => {
    if (fault === 'silent') return
    if (fault === 'broken') return void response.destroy()
    if (fault === 'forbidden') return refuse(response, 403, 'Forbidden')
    if (fault === 'unwell') return refuse(response, 503, 'ServiceUnavailable')
    return fault === 'gone' ? refuse(response, 410, 'Expired') : refuse(response, 409, 'Conflict')
  }
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
      if (fault === undefined) return serve(request, response)
      fault.left -= 1
      return meet(fault.fault, response)
    })
  })
  const { url, close } = await listen(server)
  const dir = await mkdtemp(join(tmpdir(), 'kubernetes-'))
  const tokenFile = join(dir, 'token')
  await writeFile(tokenFile, TOKEN)

  return {
    ...state,
    /** The driver's configuration for this server. */
    target: {
      deployment: DEPLOYMENT,
      namespace: NAMESPACE,
      apiUrl: url,
      tokenFile,
      caFile: undefined,
    },
    requests,
    watchers: () => watchers.size,
    /** The next matching requests get this fault. */
    fault(fault: Fault, match: (request: SeenRequest) => boolean, times = Infinity) {
      faults.push({ fault, match, left: times })
    },
    heal: () => void (faults.length = 0),
    /** Ends every watch, as a restarting API server does. */
    cutWatches: () => {
      for (const response of watchers.keys()) response.destroy()
    },
    async [Symbol.asyncDispose]() {
      await close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** The objects of the cluster, and the actions of its controller. */
function createState(initial: number) {
  let version = 100
  let replicas = 0
  let scaleVersion = '0'
  let compacted = 0
  let made = 0
  let silent = false
  const pods = new Map<string, Pod>()
  const events: (readonly [number, string, Pod])[] = []
  let tell: (type: string, pod: Pod) => void = () => undefined
  const emit = (type: string, pod: Pod): void => {
    version += 1
    pod.metadata.resourceVersion = String(version)
    const copy = structuredClone(pod)
    events.push([version, type, copy])
    if (!silent) tell(type, copy)
  }
  const add = (owner: string, hash: string, ready: boolean): Pod => {
    made += 1
    const at = new Date(Date.UTC(2026, 0, 1) + made * 1_000).toISOString()
    const pod: Pod = {
      metadata: {
        name: `${owner}-${hash}-pod${made}`,
        uid: `uid-${made}`,
        resourceVersion: '0',
        creationTimestamp: at,
        labels: { 'app.kubernetes.io/name': DEPLOYMENT, 'pod-template-hash': hash },
        annotations: {},
        ownerReferences: [{ kind: 'ReplicaSet', name: `${owner}-${hash}`, controller: true }],
      },
      spec: { nodeName: `host-${made}`, containers: [] },
      status: {
        phase: ready ? 'Running' : 'Pending',
        startTime: at,
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        containerStatuses: [{ name: 'worker', restartCount: 0 }],
      },
    }
    pods.set(pod.metadata.name, pod)
    emit('ADDED', pod)
    return pod
  }
  const own = () =>
    [...pods.values()].filter(
      ({ metadata }) =>
        metadata.ownerReferences[0]?.name.startsWith(`${DEPLOYMENT}-`) &&
        metadata.deletionTimestamp === undefined,
    )
  const costOf = (pod: Pod) => Number(pod.metadata.annotations[COST] ?? 0)
  /**
   * As a ReplicaSet does: pods that are not ready end first, then those with the lowest cost, then the newest.
   */
  const follow = (ready: boolean): void => {
    while (own().length < replicas) add(DEPLOYMENT, 'abc123', ready)
    const order = own().sort(
      (a, b) =>
        Number(isReady(a)) - Number(isReady(b)) ||
        costOf(a) - costOf(b) ||
        b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp),
    )
    for (const pod of order.slice(0, Math.max(0, order.length - replicas))) mark(pod)
  }
  const mark = (pod: Pod): void => {
    pod.metadata.deletionTimestamp = new Date().toISOString()
    emit('MODIFIED', pod)
  }
  const setReplicas = (count: number, controller = true): void => {
    version += 1
    replicas = count
    scaleVersion = String(version)
    if (controller) follow(false)
  }
  replicas = initial
  scaleVersion = String(version)
  follow(true)

  return {
    onEvent: (listener: typeof tell) => void (tell = listener),
    scale: () => ({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: DEPLOYMENT, namespace: NAMESPACE, resourceVersion: scaleVersion },
      spec: { replicas },
      status: { replicas: own().length, selector: SELECTOR },
    }),
    list: () => ({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(version) },
      items: structuredClone([...pods.values()]),
    }),
    setReplicas,
    replicas: () => replicas,
    /** Changes nothing but the version, as a status update does. */
    touchScale: () => setReplicas(replicas, false),
    pod: (name: string) => pods.get(name),
    names: () => own().map(({ metadata }) => metadata.name),
    terminating: () =>
      [...pods.values()]
        .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
        .map(({ metadata }) => metadata.name),
    marked: () => [...pods.values()].filter((pod) => costOf(pod) !== 0).map((p) => p.metadata.name),
    /** A pod with the workers' label and another owner. */
    addStranger: () => add('debug-session', 'zzz999', true).metadata.name,
    ready(name: string) {
      const pod = pods.get(name)
      if (pod === undefined) return
      pod.status = {
        ...pod.status,
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
      }
      emit('MODIFIED', pod)
    },
    remove(name: string) {
      const pod = pods.get(name)
      if (pod === undefined) return
      pods.delete(name)
      emit('DELETED', pod)
    },
    /** Asks a pod to end; its ReplicaSet starts another one instead. */
    terminate(pod: Pod) {
      mark(pod)
      follow(false)
    },
    annotate(pod: Pod, cost: string | null) {
      if (cost === null) delete pod.metadata.annotations[COST]
      else pod.metadata.annotations[COST] = cost
      emit('MODIFIED', pod)
    },
    /** Forgets the events so far: a watch that started earlier has to list again. */
    compact: () => void (compacted = version),
    compactedTo: () => compacted,
    /** Changes the cluster without an event for any watch. */
    hush: (now: boolean) => void (silent = now),
    eventsAfter: (since: number) =>
      events.filter(([at]) => at > since).map(([, type, pod]) => [type, pod] as const),
  }
}

function isReady(pod: Pod): boolean {
  return pod.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
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
