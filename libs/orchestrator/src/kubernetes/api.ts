import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { ServiceError } from '@agentfleet/protocol'
import * as client from '@kubernetes/client-node'
import type { V1Pod } from '@kubernetes/client-node'
import {
  failureOf,
  openCluster,
  statusOf,
  unusable,
  type Cluster,
  type KubernetesTarget,
} from './cluster.ts'
import { readLines } from './lines.ts'

/**
 * The few calls to a cluster's API that scaling and replacing need, and no others: the roles in k8s/base
 * grant exactly these. Every call has a deadline; a refusal names the missing right.
 */
export interface KubernetesApi {
  readScale(): Promise<Scale>
  /** Only if the scale is unchanged since it was read. */
  patchScale(replicas: number, resourceVersion: string): Promise<'changed' | 'conflict'>
  listPods(selector: string): Promise<{ pods: V1Pod[]; resourceVersion: string }>
  /** Receives changes since a version, until the server or the signal ends it. */
  watchPods(watch: PodWatch): Promise<'closed' | 'gone'>
  /** Sets or removes the deletion cost of a pod. */
  setDeletionCost(pod: string, cost: string | null): Promise<'changed' | 'gone'>
  readPod(name: string): Promise<V1Pod | undefined>
  /** Deletes the pod with this uid; another pod that has taken the name meanwhile stays. */
  deletePod(name: string, uid: string): Promise<'changed' | 'gone'>
}

/** The size of the Deployment. */
export interface Scale {
  readonly replicas: number
  readonly selector: string
  readonly resourceVersion: string
}

/** One watch on the pods of a selector. */
interface PodWatch {
  readonly selector: string
  readonly resourceVersion: string
  readonly signal: AbortSignal
  onEvent(event: PodEvent): void
}

/** One change of a pod; a bookmark only updates the version. */
export interface PodEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: V1Pod & { readonly code?: number; readonly message?: string }
}

/** Tells the controller which pods to delete first. */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/** A busy API server answers within this, milliseconds; each tick asks again. */
const CALL_WITHIN_MS = 5_000
/** The server ends a watch after this long, seconds; a dead connection is noticed soon after. */
const WATCH_S = 60
/** Tolerated delay of the server, milliseconds. */
const WATCH_GRACE_MS = 10_000
/** Pods in one answer, and pages of one list: 5,000 pods, far above any fleet. */
const PAGE = 500
const PAGES_MAX = 10

/** Opens nothing; the first call connects. */
export function connectKubernetes(
  target: KubernetesTarget,
  callWithinMs: number = CALL_WITHIN_MS,
): KubernetesApi {
  const cluster = openCluster(target, callWithinMs)
  const { access, namespace } = cluster
  const { deployment } = target
  const scale = `deployments/scale of ${deployment}`
  const apps = new client.AppsV1Api(access)
  const core = new client.CoreV1Api(access)
  const mergePatch = client.setHeaderOptions('Content-Type', client.PatchStrategy.MergePatch)
  const named = { name: deployment, namespace }
  const call = <T>(verb: string, what: string, made: Promise<T>): Promise<T> =>
    made.catch((cause: unknown) => {
      throw failureOf(statusOf(cause), { verb, what: `${what} in ${namespace}` }, cause)
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
      return call('patch', scale, unless(made, [409], 'conflict' as const))
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
      return call('patch', `pods (${name})`, unless(made, [404], 'gone' as const))
    },
    readPod(name) {
      const read = core.readNamespacedPod({ name, namespace }).catch((error: unknown) => {
        if (statusOf(error) === 404) return undefined
        throw error
      })
      return call('get', `pods (${name})`, read)
    },
    deletePod(name, uid) {
      const made = core.deleteNamespacedPod({ name, namespace, body: { preconditions: { uid } } })
      // 409: another pod has this name now.
      return call('delete', `pods (${name})`, unless(made, [404, 409], 'gone' as const))
    },
    watchPods: (watch) => watchPods(cluster, callWithinMs, watch),
  }
}

/** Some failure statuses are expected answers; all others are errors. */
function unless<A>(made: Promise<unknown>, statuses: readonly number[], answer: A) {
  return made.then(
    () => 'changed' as const,
    (error: unknown): A => {
      if (statuses.includes(statusOf(error) ?? 0)) return answer
      throw error
    },
  )
}

/**
 * A watch with the client's credentials, written by hand: the client's own watch cannot abandon a server that
 * accepts the connection and never answers.
 */
async function watchPods(
  { credentials, namespace }: Cluster,
  answerWithinMs: number,
  watch: PodWatch,
): Promise<'closed' | 'gone'> {
  const asked = { verb: 'watch', what: `pods in ${namespace}` }
  const url = new URL(
    `${credentials.getCurrentCluster()?.server ?? ''}/api/v1/namespaces/${namespace}/pods`,
  )
  url.search = new URLSearchParams({
    watch: 'true',
    labelSelector: watch.selector,
    resourceVersion: watch.resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(WATCH_S),
  }).toString()
  const options: RequestOptions = { headers: {} }
  await credentials.applyToHTTPSOptions(options)
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
    if (status !== 200) throw failureOf(status, asked, undefined)
    for await (const line of readLines(response)) {
      const event = JSON.parse(line) as PodEvent
      if (event.type === 'ERROR') {
        if (event.object.code === 410) return 'gone'
        throw failureOf(event.object.code, asked, event.object.message)
      }
      watch.onEvent(event)
    }
    return 'closed'
  } catch (cause) {
    throw cause instanceof ServiceError ? cause : failureOf(undefined, asked, cause)
  } finally {
    clearTimeout(unanswered)
    clearTimeout(overdue)
    watch.signal.removeEventListener('abort', end)
    ended.abort()
  }
}
