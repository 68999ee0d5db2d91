import { openCluster, type ClusterTarget } from '@agentfleet/adapters'
import { ServiceError } from '@agentfleet/protocol'
import * as client from '@kubernetes/client-node'
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
export interface KubernetesTarget extends ClusterTarget {
  /** Value of the label `app.kubernetes.io/name` that the workers have. */
  readonly app: string
}

const NAME_LABEL = 'app.kubernetes.io/name'
/** An API server that is busy answers within this, milliseconds. */
const CALL_WITHIN_MS = 5_000

/** Opens nothing; the first call connects. */
export function createKubernetes(
  target: KubernetesTarget,
  callWithinMs: number = CALL_WITHIN_MS,
): Orchestrator {
  const cluster = openCluster(client, target, { role: 'recovery', callWithinMs })
  const { namespace, statusOf } = cluster
  const core = new client.CoreV1Api(cluster.access)
  const failureOf = (error: unknown, verb: string, name: string): ServiceError =>
    cluster.failureOf(statusOf(error), { verb, what: `the pod ${name}`, right: 'pods' }, error)

  const read = async (name: string): Promise<client.V1Pod | undefined> => {
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

function viewOf(pod: client.V1Pod): ProcessView {
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

function isLeaving(pod: client.V1Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined
}
