import { setTimeout as delay } from 'node:timers/promises'
import type { V1Pod } from '@kubernetes/client-node'
import type { NodeProcess, Orchestrator, ProcessView } from '../orchestrator.ts'
import { connectKubernetes, DELETION_COST, type KubernetesApi, type Scale } from './api.ts'
import { unusable, type KubernetesTarget } from './cluster.ts'
import { followPods, nameOf, type FollowOptions, type Pods } from './pods.ts'

/**
 * The worker Deployment of a cluster; a node's id is its pod's name. The driver sets the scale subresource
 * and, just before it lowers the scale, a mark on the pods to delete. It replaces a single pod by deleting
 * it: its ReplicaSet starts another pod.
 *
 * States of a mark: set → used (the pod terminates) or unused (removed by `tidy`). Invariants:
 *
 * K1 only pods that the Deployment's own ReplicaSets made are counted, marked or deleted, whatever name a
 *    message contains;
 * K2 the scale is changed only on the version that was read, and never when another client has changed the
 *    count;
 * K3 the count is the scale's, pods only give the names: ordered pods count, terminating ones do not;
 * K4 a pod is deleted by its uid: another pod that has taken the name meanwhile stays.
 */
interface KubernetesOptions extends Omit<FollowOptions, 'selector'> {
  readonly api: KubernetesApi
  readonly deployment: string
}

/**
 * Lower than the cost of a pod without a mark, which is 0. No other program uses this value, so the driver never
 * removes the mark of another program.
 */
const VICTIM_COST = '-1000'
/** Reads and patches of one change: conflicts come from status updates, a few a second. */
const PATCH_TRIES = 5
const CONFLICT_PAUSE_MS = 100
/** Within this time the controller deletes a pod with a mark; an older mark had no effect, milliseconds. */
const MARK_UNUSED_AFTER_MS = 30_000

/** The driver of a Deployment; the first call connects. */
export function openKubernetes(
  target: KubernetesTarget,
  deps: Omit<KubernetesOptions, 'api' | 'deployment'>,
): Orchestrator {
  const { deployment } = target
  return createKubernetesOrchestrator({ ...deps, deployment, api: connectKubernetes(target) })
}

/** Drives a Deployment through this API. */
export function createKubernetesOrchestrator(options: KubernetesOptions): Orchestrator {
  const { api, deployment, clock, log } = options
  let followed: { readonly selector: string; readonly pods: Pods } | undefined
  /** When marks were set, or first seen. */
  const marks = new Map<string, number>()

  const podsOf = async ({ selector }: Scale): Promise<readonly V1Pod[]> => {
    if (followed?.selector !== selector) {
      await followed?.pods.close()
      followed = { selector, pods: followPods({ ...options, selector }) }
    }
    const pods = await followed.pods.current()
    return pods.filter((pod) => isOwn(pod, deployment) && isWanted(pod))
  }
  const unmark = async (name: string): Promise<void> => {
    await api.setDeletionCost(name, null)
    marks.delete(name)
  }
  return {
    driver: 'kubernetes',
    acts: true,
    restarts: true,
    async list() {
      const scale = await api.readScale()
      return seats(await podsOf(scale), scale.replicas, deployment, clock.nowMs())
    },
    async setCount(count, victims) {
      const own = new Set((await podsOf(await api.readScale())).map(nameOf))
      // An order without a pod needs no mark: the controller first cancels pods that are not up.
      const chosen = victims.filter((name) => own.has(name))
      const marked = async (name: string): Promise<void> => {
        marks.set(name, clock.monotonicMs())
        await api.setDeletionCost(name, VICTIM_COST)
      }
      try {
        await Promise.all(chosen.map(marked))
        await patch(options, count)
      } catch (error) {
        const undone = await Promise.allSettled(chosen.map(unmark))
        const left = undone.filter(({ status }) => status === 'rejected').length
        if (left > 0)
          log.warn(
            { left },
            'The driver could not change a Deployment; the marks of the change stay on its pods until the driver removes them',
          )
        throw error
      }
    },
    async inspect(nodeId) {
      const pod = await api.readPod(nodeId)
      return pod === undefined ? { gone: true, restarts: 0, outOfMemory: false } : viewOf(pod)
    },
    replace: (name) => remove(options, name),
    // A deleted pod drains; its successor starts at once.
    retire: (name) => remove(options, name),
    async tidy() {
      if (followed === undefined) return
      const now = clock.monotonicMs()
      const marked = (await followed.pods.current())
        .filter((pod) => isOwn(pod, deployment) && isWanted(pod) && isMarked(pod))
        .map(nameOf)
      for (const name of marks.keys()) if (!marked.includes(name)) marks.delete(name)
      for (const name of marked) marks.set(name, marks.get(name) ?? now)
      const unused = marked.filter((name) => now - (marks.get(name) ?? now) > MARK_UNUSED_AFTER_MS)
      await Promise.all(unused.map(unmark))
    },
    close: async () => followed?.pods.close(),
  }
}

/** K2; a conflict caused by a mere status update does not count. */
async function patch({ api, deployment, random }: KubernetesOptions, count: number): Promise<void> {
  const before = await api.readScale()
  let scale = before
  for (let tries = 1; scale.replicas === before.replicas; tries += 1) {
    if (scale.replicas === count) return
    if ((await api.patchScale(count, scale.resourceVersion)) === 'changed') return
    if (tries >= PATCH_TRIES)
      throw unusable(`other clients change ${deployment} all the time`, true)
    await delay(random() * CONFLICT_PAUSE_MS)
    scale = await api.readScale()
  }
  if (scale.replicas === count) return
  throw unusable(`another client set ${deployment} to ${scale.replicas}`, true)
}

async function remove(
  { api, deployment }: KubernetesOptions,
  name: string,
): Promise<'ordered' | 'gone'> {
  const pod = await api.readPod(name)
  if (pod === undefined || !isWanted(pod)) return 'gone'
  if (!isOwn(pod, deployment)) throw unusable(`the pod ${name} does not belong to ${deployment}`)
  const answer = await api.deletePod(name, pod.metadata?.uid ?? '')
  return answer === 'changed' ? 'ordered' : 'gone'
}

function viewOf({ spec, status, metadata }: V1Pod): ProcessView {
  const [container] = status?.containerStatuses ?? []
  const ended = container?.state?.terminated ?? container?.lastState?.terminated
  return {
    gone: metadata?.deletionTimestamp !== undefined,
    restarts: container?.restartCount ?? 0,
    outOfMemory: ended?.reason === 'OOMKilled',
    ...(spec?.nodeName === undefined ? {} : { host: spec.nodeName }),
  }
}

/** K3: as many as wanted; an order without a pod counts as starting, surplus pods leave by their marks. */
function seats(
  pods: readonly V1Pod[],
  replicas: number,
  deployment: string,
  nowMs: number,
): readonly NodeProcess[] {
  const kept = [...pods]
    .sort((a, b) => Number(isMarked(a)) - Number(isMarked(b)) || startOf(a) - startOf(b))
    .slice(0, replicas)
    .map((pod) => ({ id: nameOf(pod), startedAtMs: startOf(pod), starting: !isReady(pod) }))
  const ordered = Array.from({ length: Math.max(0, replicas - kept.length) }, (_, index) => ({
    id: `${deployment}/${index + 1}`,
    startedAtMs: nowMs,
    starting: true,
  }))
  return [...kept, ...ordered]
}

/** K1: any pod may carry a label; the ReplicaSet that owns a pod has the Deployment's name. */
function isOwn({ metadata }: V1Pod, deployment: string): boolean {
  const hash = metadata?.labels?.['pod-template-hash']
  return (metadata?.ownerReferences ?? []).some(
    ({ kind, name, controller }) =>
      controller === true && kind === 'ReplicaSet' && name === `${deployment}-${hash}`,
  )
}

/** Neither terminating nor ended: the ReplicaSet counts in the same way. */
function isWanted({ metadata, status }: V1Pod): boolean {
  const over = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return metadata?.deletionTimestamp === undefined && !over
}

function isReady({ status }: V1Pod): boolean {
  return (status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True')
}

function isMarked({ metadata }: V1Pod): boolean {
  return metadata?.annotations?.[DELETION_COST] === VICTIM_COST
}

function startOf({ metadata, status }: V1Pod): number {
  // The client's list has dates here, the watch's events have texts.
  const at = status?.startTime ?? metadata?.creationTimestamp
  return at === undefined ? 0 : new Date(at).getTime()
}
