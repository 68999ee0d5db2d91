import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { ServiceError } from '@agentfleet/protocol'
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  PatchStrategy,
  ServerConfiguration,
  setHeaderOptions,
  type V1Pod,
} from '@kubernetes/client-node'
import { readLines } from './lines.ts'

/**
 * The few calls to a cluster's API that scaling needs, and no others: the role in k8s/base grants
 * exactly these. Every call has a deadline; what is refused says which right is missing.
 */
export interface KubernetesApi {
  readScale(): Promise<Scale>
  /** Only if nobody changed the scale since it was read. */
  patchScale(replicas: number, resourceVersion: string): Promise<'changed' | 'conflict'>
  listPods(selector: string): Promise<{ pods: V1Pod[]; resourceVersion: string }>
  /** Hears of changes since a version, until the server or the signal ends it. */
  watchPods(watch: PodWatch): Promise<'closed' | 'gone'>
  /** Sets or takes back how gladly a pod is given up. */
  setDeletionCost(pod: string, cost: string | null): Promise<'changed' | 'gone'>
}

/** The size of the Deployment. */
export interface Scale {
  readonly replicas: number
  readonly selector: string
  readonly resourceVersion: string
}

/** One watch on the pods of a selector. */
export interface PodWatch {
  readonly selector: string
  readonly resourceVersion: string
  readonly signal: AbortSignal
  onEvent(event: PodEvent): void
}

/** One change of a pod; a bookmark only moves the version on. */
export interface PodEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: V1Pod & { readonly code?: number; readonly message?: string }
}

/** Which Deployment, and how its cluster is reached. */
export interface KubernetesTarget {
  readonly namespace: string | undefined
  readonly deployment: string
  /** Without it: the cluster that this process runs in. */
  readonly apiUrl: string | undefined
  readonly tokenFile: string | undefined
  readonly caFile: string | undefined
}

/** Tells the controller which pods to give up first. */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/** An API server that is busy answers within this, milliseconds; each tick asks anew. */
const CALL_WITHIN_MS = 5_000
/** The server ends a watch after this long, seconds; a dead connection is noticed soon after. */
const WATCH_S = 60
/** Room for the server's own lateness, milliseconds. */
const WATCH_GRACE_MS = 10_000
/** Pods in one answer, and pages of one list: 5,000 pods, far above any fleet. */
const PAGE = 500
const PAGES_MAX = 10

/** Opens nothing; the first call connects. */
export function connectKubernetes(
  target: KubernetesTarget,
  callWithinMs: number = CALL_WITHIN_MS,
): KubernetesApi {
  const config = kubeConfig(target)
  const { deployment } = target
  const namespace = target.namespace ?? ownNamespace(config)
  const scale = `deployments/scale of ${deployment}`
  const client = createConfiguration({
    baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? '', {}),
    authMethods: { default: config },
    promiseMiddleware: [
      {
        pre: async (context) => {
          context.setSignal(AbortSignal.timeout(callWithinMs))
          return context
        },
        post: async (context) => context,
      },
    ],
  })
  const apps = new AppsV1Api(client)
  const core = new CoreV1Api(client)
  const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
  const named = { name: deployment, namespace }
  const call = <T>(verb: string, what: string, made: Promise<T>): Promise<T> =>
    made.catch((cause: unknown) => {
      throw failureOf(statusOf(cause), verb, `${what} in ${namespace}`, cause)
    })

  return {
    async readScale() {
      const read = await call('get', scale, apps.readNamespacedDeploymentScale(named))
      const selector = read.status?.selector
      if (!selector) throw unusable(`${scale} has no selector`)
      return {
        replicas: read.spec?.replicas ?? 0,
        selector,
        resourceVersion: read.metadata?.resourceVersion ?? '',
      }
    },
    async patchScale(replicas, resourceVersion) {
      const body = { metadata: { resourceVersion }, spec: { replicas } }
      const made = apps.patchNamespacedDeploymentScale({ ...named, body }, mergePatch)
      return call('patch', scale, unless(made, 409, 'conflict'))
    },
    async listPods(labelSelector) {
      const pods: V1Pod[] = []
      let page: string | undefined
      for (let pages = 0; pages < PAGES_MAX; pages += 1) {
        const query = {
          namespace,
          labelSelector,
          limit: PAGE,
          ...(page ? { _continue: page } : {}),
        }
        const list = await call('list', 'pods', core.listNamespacedPod(query))
        pods.push(...list.items)
        page = list.metadata?._continue
        if (!page) return { pods, resourceVersion: list.metadata?.resourceVersion ?? '' }
      }
      throw unusable(`${labelSelector} selects more than ${PAGE * PAGES_MAX} pods`)
    },
    async setDeletionCost(name, cost) {
      const body = { metadata: { annotations: { [DELETION_COST]: cost } } }
      const made = core.patchNamespacedPod({ name, namespace, body }, mergePatch)
      return call('patch', `pods (${name})`, unless(made, 404, 'gone'))
    },
    watchPods: (watch) => watchPods(config, namespace, callWithinMs, watch),
  }
}

function kubeConfig({ apiUrl, tokenFile, caFile }: KubernetesTarget): KubeConfig {
  const config = new KubeConfig()
  if (apiUrl === undefined) {
    config.loadFromCluster()
    return config
  }
  const cluster = {
    name: 'cluster',
    server: apiUrl.replace(/\/$/, ''),
    // The client speaks plain HTTP (a local `kubectl proxy`) only when told that TLS does not matter.
    skipTLSVerify: apiUrl.startsWith('http:'),
    ...(caFile === undefined ? {} : { caFile }),
  }
  // Tokens of service accounts are replaced every hour: the client reads the file again.
  const authProvider = tokenFile === undefined ? {} : { authProvider: fileToken(tokenFile) }
  config.loadFromClusterAndUser(cluster, { name: 'user', ...authProvider })
  return config
}

function fileToken(tokenFile: string) {
  return { name: 'tokenFile', config: { tokenFile } }
}

function ownNamespace(config: KubeConfig): string {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace
  if (!namespace) throw unusable('neither K8S_NAMESPACE is set nor does the cluster name one')
  return namespace
}

/**
 * A watch by hand with the client's credentials: the client's own has no way to give up a server that
 * takes the connection and never answers.
 */
async function watchPods(
  config: KubeConfig,
  namespace: string,
  answerWithinMs: number,
  watch: PodWatch,
): Promise<'closed' | 'gone'> {
  const url = new URL(
    `${config.getCurrentCluster()?.server ?? ''}/api/v1/namespaces/${namespace}/pods`,
  )
  url.search = new URLSearchParams({
    watch: 'true',
    labelSelector: watch.selector,
    resourceVersion: watch.resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(WATCH_S),
  }).toString()
  const options: RequestOptions = { headers: {} }
  await config.applyToHTTPSOptions(options)
  const ended = new AbortController()
  const end = (): void => ended.abort()
  watch.signal.addEventListener('abort', end)
  const unanswered = setTimeout(end, answerWithinMs)
  const overdue = setTimeout(end, WATCH_S * 1_000 + WATCH_GRACE_MS)
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = url.protocol === 'https:' ? httpsRequest : httpRequest
      request(url, { ...options, signal: ended.signal }, resolve)
        .on('error', reject)
        .end()
    })
    clearTimeout(unanswered)
    const status = response.statusCode ?? 0
    if (status === 410) return 'gone'
    if (status !== 200) throw failureOf(status, 'watch', `pods in ${namespace}`, undefined)
    for await (const line of readLines(response)) {
      const event = JSON.parse(line) as PodEvent
      if (event.type === 'ERROR') {
        if (event.object.code === 410) return 'gone'
        throw failureOf(event.object.code, 'watch', `pods in ${namespace}`, event.object.message)
      }
      watch.onEvent(event)
    }
    return 'closed'
  } catch (cause) {
    throw cause instanceof ServiceError
      ? cause
      : failureOf(undefined, 'watch', `pods in ${namespace}`, cause)
  } finally {
    clearTimeout(unanswered)
    clearTimeout(overdue)
    watch.signal.removeEventListener('abort', end)
    ended.abort()
  }
}

/** One status is an answer that is expected; everything else that fails is a failure. */
async function unless<A extends string>(
  made: Promise<unknown>,
  status: number,
  answer: A,
): Promise<A | 'changed'> {
  try {
    await made
    return 'changed'
  } catch (error) {
    if (statusOf(error) === status) return answer
    throw error
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof ApiException ? error.code : undefined
}

function failureOf(
  status: number | undefined,
  verb: string,
  what: string,
  cause: unknown,
): ServiceError {
  const message =
    status === 403
      ? `the role of the autoscaler lacks the verb "${verb}" on ${what}`
      : status === 401
        ? `the API server does not accept the token, asked to ${verb} ${what}`
        : status === undefined
          ? `the API server does not answer, asked to ${verb} ${what}`
          : `the API server answered ${status}, asked to ${verb} ${what}`
  const refused = status === 401 || status === 403
  return new ServiceError('orchestrator-unavailable', message, { retryable: !refused, cause })
}

function unusable(message: string): ServiceError {
  return new ServiceError('orchestrator-unavailable', message, { retryable: false })
}
