import { ServiceError } from '@agentfleet/protocol'
import {
  ApiException,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  ServerConfiguration,
  type V1Pod,
} from '@kubernetes/client-node'
import type { Orchestrator, ProcessView } from './orchestrator.ts'

/**
 * Nodes as pods: a node's id is its pod's name. Uses two verbs only, `get` and `delete` on pods, as
 * the role in k8s/base grants them.
 *
 * Invariants: K1 only a pod with the label of the workers is ever deleted, whatever name came over the
 * bus; K2 it is deleted by its uid: a pod that has taken the name meanwhile stays; K3 every call has
 * a deadline.
 */

/** Which pods, and how their cluster is reached. */
export interface KubernetesTarget {
  readonly namespace: string | undefined
  /** Value of the label `app.kubernetes.io/name` that the workers have. */
  readonly app: string
  /** Without it: the cluster that this process runs in. */
  readonly apiUrl: string | undefined
  readonly tokenFile: string | undefined
  readonly caFile: string | undefined
}

const NAME_LABEL = 'app.kubernetes.io/name'
/** An API server that is busy answers within this, milliseconds. */
const CALL_WITHIN_MS = 5_000

/** Opens nothing; the first call connects. */
export function createKubernetes(
  target: KubernetesTarget,
  callWithinMs: number = CALL_WITHIN_MS,
): Orchestrator {
  const config = kubeConfig(target)
  const namespace = target.namespace ?? ownNamespace(config)
  const core = new CoreV1Api(
    createConfiguration({
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
    }),
  )

  const read = async (name: string): Promise<V1Pod | undefined> => {
    try {
      return await core.readNamespacedPod({ name, namespace })
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw failureOf(error, 'get', name)
    }
  }

  const remove = async (name: string): Promise<'ordered' | 'gone'> => {
    const pod = await read(name)
    if (pod === undefined || isLeaving(pod)) return 'gone'
    if (pod.metadata?.labels?.[NAME_LABEL] !== target.app) {
      throw new ServiceError('orchestrator-unavailable', `pod ${name} is no ${target.app}`, {
        retryable: false,
      })
    }
    const uid = pod.metadata.uid ?? ''
    try {
      await core.deleteNamespacedPod({ name, namespace, body: { preconditions: { uid } } })
      return 'ordered'
    } catch (error) {
      const status = statusOf(error)
      // 409: the name is another pod's by now.
      if (status === 404 || status === 409) return 'gone'
      throw failureOf(error, 'delete', name)
    }
  }

  return {
    driver: 'kubernetes',
    replaces: true,
    restarts: true,
    async look(nodeId) {
      const pod = await read(nodeId)
      return pod === undefined ? { gone: true, restarts: 0, outOfMemory: false } : viewOf(pod)
    },
    replace: remove,
    // A deleted pod is asked to end and drains, its successor is started at once.
    retire: remove,
  }
}

function viewOf(pod: V1Pod): ProcessView {
  const [container] = pod.status?.containerStatuses ?? []
  const ended = container?.state?.terminated ?? container?.lastState?.terminated
  const host = pod.spec?.nodeName
  return {
    gone: isLeaving(pod),
    restarts: container?.restartCount ?? 0,
    outOfMemory: ended?.reason === 'OOMKilled',
    ...(host === undefined ? {} : { host }),
  }
}

function isLeaving(pod: V1Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined
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
  const authProvider =
    tokenFile === undefined ? {} : { authProvider: { name: 'tokenFile', config: { tokenFile } } }
  config.loadFromClusterAndUser(cluster, { name: 'user', ...authProvider })
  return config
}

function ownNamespace(config: KubeConfig): string {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace
  if (namespace) return namespace
  const message = 'neither K8S_NAMESPACE is set nor does the cluster name one'
  throw new ServiceError('orchestrator-unavailable', message, { retryable: false })
}

function statusOf(error: unknown): number | undefined {
  return error instanceof ApiException ? error.code : undefined
}

function failureOf(error: unknown, verb: string, name: string): ServiceError {
  const status = statusOf(error)
  const what = `asked to ${verb} the pod ${name}`
  const message =
    status === 403
      ? `the role of recovery lacks the verb "${verb}" on pods`
      : status === undefined
        ? `the API server does not answer, ${what}`
        : `the API server answered ${status}, ${what}`
  const refused = status === 401 || status === 403
  return new ServiceError('orchestrator-unavailable', message, {
    retryable: !refused,
    cause: error,
  })
}
