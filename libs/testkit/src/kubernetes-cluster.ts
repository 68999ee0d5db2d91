/** Namespace of the Deployment. */
export const NAMESPACE = 'agentfleet'
/** Name of the Deployment, which every pod's name begins with. */
export const DEPLOYMENT = 'agent-worker'
/** Name of the annotation that says which pods end first. */
export const COST = 'controller.kubernetes.io/pod-deletion-cost'
const SELECTOR = `app.kubernetes.io/name=${DEPLOYMENT}`

/** A pod of the cluster. */
export interface Pod {
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

/** Creates a cluster with one Deployment of so many pods, and a controller that makes the pods follow its scale. */
export function createCluster(initial: number) {
  const pods = createPods()
  let replicas = 0
  let scaleVersion = ''
  const own = () => pods.all().filter(isOwn)
  const namesOf = (some: readonly Pod[]) => some.map(({ metadata }) => metadata.name)
  /**
   * As a ReplicaSet does: pods that are not ready end first, then those with the lowest cost, then the newest.
   */
  const follow = (ready: boolean): void => {
    while (own().length < replicas) pods.add(DEPLOYMENT, 'abc123', ready)
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
    pods.changed('MODIFIED', pod)
  }
  const setReplicas = (count: number, controller = true): void => {
    replicas = count
    scaleVersion = pods.nextVersion()
    if (controller) follow(false)
  }
  setReplicas(initial, false)
  follow(true)

  return {
    ...pods,
    scale: () => ({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: DEPLOYMENT, namespace: NAMESPACE, resourceVersion: scaleVersion },
      spec: { replicas },
      status: { replicas: own().length, selector: SELECTOR },
    }),
    setReplicas,
    replicas: () => replicas,
    names: () => namesOf(own()),
    terminating: () => namesOf(pods.all().filter(isTerminating)),
    marked: () => namesOf(pods.all().filter((pod) => costOf(pod) !== 0)),
    /** A pod with the workers' label and another owner. */
    addStranger: () => pods.add('debug-session', 'zzz999', true).metadata.name,
    /** Asks a pod to end; its ReplicaSet starts another one instead. */
    terminate(pod: Pod) {
      mark(pod)
      follow(false)
    },
    annotate(pod: Pod, cost: string | null) {
      if (cost === null) delete pod.metadata.annotations[COST]
      else pod.metadata.annotations[COST] = cost
      pods.changed('MODIFIED', pod)
    },
  }
}

/** Creates the pods of a cluster, at first none, with a version and an event for each change. */
function createPods() {
  let version = 100
  let compacted = 0
  let made = 0
  let silent = false
  const pods = new Map<string, Pod>()
  const events: (readonly [number, string, Pod])[] = []
  let tell: (type: string, pod: Pod) => void = () => undefined
  const nextVersion = (): string => String((version += 1))
  const changed = (type: string, pod: Pod): void => {
    pod.metadata.resourceVersion = nextVersion()
    const copy = structuredClone(pod)
    events.push([version, type, copy])
    if (!silent) tell(type, copy)
  }
  return {
    all: () => [...pods.values()],
    pod: (name: string) => pods.get(name),
    nextVersion,
    changed,
    add(owner: string, hash: string, ready: boolean): Pod {
      made += 1
      const pod = podOf(owner, hash, ready, made)
      pods.set(pod.metadata.name, pod)
      changed('ADDED', pod)
      return pod
    },
    list: () => ({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(version) },
      items: structuredClone([...pods.values()]),
    }),
    ready(name: string) {
      const pod = pods.get(name)
      if (pod === undefined) return
      pod.status = {
        ...pod.status,
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
      }
      changed('MODIFIED', pod)
    },
    remove(name: string) {
      const pod = pods.get(name)
      if (pod === undefined) return
      pods.delete(name)
      changed('DELETED', pod)
    },
    onEvent: (listener: typeof tell) => void (tell = listener),
    /** Forgets the events so far: a watch that started earlier has to list again. */
    compact: () => void (compacted = version),
    compactedTo: () => compacted,
    /** Changes the cluster without an event for any watch. */
    hush: (now: boolean) => void (silent = now),
    eventsAfter: (since: number) =>
      events.filter(([at]) => at > since).map(([, type, pod]) => [type, pod] as const),
  }
}

/** Returns the pod that is the `made`th of the cluster. */
function podOf(owner: string, hash: string, ready: boolean, made: number): Pod {
  const at = new Date(Date.UTC(2026, 0, 1) + made * 1_000).toISOString()
  return {
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
}

function costOf({ metadata }: Pod): number {
  return Number(metadata.annotations[COST] ?? 0)
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined
}

function isOwn(pod: Pod): boolean {
  return (
    pod.metadata.ownerReferences[0]?.name.startsWith(`${DEPLOYMENT}-`) === true &&
    !isTerminating(pod)
  )
}

function isReady(pod: Pod): boolean {
  return pod.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}
