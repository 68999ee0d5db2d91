import { setTimeout as delay } from 'node:timers/promises'
import { backoffDelayMs } from '@agentfleet/domain'
import { ServiceError } from '@agentfleet/protocol'
import { settleWithin, type Clock, type Logger } from '@agentfleet/runtime'
import type { V1Pod } from '@kubernetes/client-node'
import type { KubernetesApi, PodEvent } from './api.ts'

/**
 * The pods of a selector, kept up to date: listed once, then followed by a watch.
 *
 * States: listing → watching → listing (the version is gone) or watching (the connection ended), with a
 * growing pause after failures → closed. Invariants: P1 the state is one list and every event since it, in
 * order; P2 a state without a recent renewal is not given out; P3 one call at a time.
 */
export type Pods = ReturnType<typeof followPods>

/** The dependencies of a follower of pods. */
export interface FollowOptions {
  readonly api: Pick<KubernetesApi, 'listPods' | 'watchPods'>
  readonly selector: string
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
}

/** Between attempts: short after a brief outage, and no burden on an API server that is down, milliseconds. */
const RETRY = { baseMs: 200, capMs: 5_000 }
/** Longest wait for the first list, milliseconds. */
const FIRST_WITHIN_MS = 5_000
/** Pods change within seconds; an older state may name victims that no longer exist, milliseconds. */
const STALE_AFTER_MS = 15_000
const NOT_FOLLOWED = 'The driver could not follow the changes of the pods; it tries again'
const NOT_LISTED = 'the list of pods could not be read from Kubernetes'

/** Starts to follow. */
export function followPods({ api, selector, clock, log, random }: FollowOptions) {
  const ended = new AbortController()
  const pods = new Map<string, V1Pod>()
  let resourceVersion: string | undefined
  let connected = false
  let renewedAtMs = -Infinity
  let lastError: unknown
  let announce: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    announce = resolve
  })

  const list = async (): Promise<void> => {
    const listed = await api.listPods(selector)
    pods.clear()
    for (const pod of listed.pods) pods.set(nameOf(pod), pod)
    resourceVersion = listed.resourceVersion
    renewedAtMs = clock.monotonicMs()
    announce()
  }
  const onEvent = ({ type, object }: PodEvent): void => {
    renewedAtMs = clock.monotonicMs()
    resourceVersion = object.metadata?.resourceVersion ?? resourceVersion
    if (type === 'DELETED') pods.delete(nameOf(object))
    else if (type !== 'BOOKMARK') pods.set(nameOf(object), object)
  }
  const follow = async (): Promise<void> => {
    if (resourceVersion === undefined) await list()
    const { signal } = ended
    connected = true
    try {
      const watched = { selector, resourceVersion: resourceVersion ?? '', signal, onEvent }
      if ((await api.watchPods(watched)) === 'gone') resourceVersion = undefined
      renewedAtMs = clock.monotonicMs()
    } finally {
      connected = false
    }
  }
  const run = async (): Promise<void> => {
    let failures = 0
    while (!ended.signal.aborted) {
      const began = clock.monotonicMs()
      try {
        await follow()
        failures = 0
      } catch (error) {
        if (ended.signal.aborted) return
        lastError = error
        if (failures === 0) log.warn({ err: error }, NOT_FOLLOWED)
        failures = clock.monotonicMs() - began > STALE_AFTER_MS ? 1 : failures + 1
      }
      // Also after an orderly end: a server that closes at once must not be asked in a tight loop.
      const pauseMs = backoffDelayMs(Math.max(1, failures), RETRY, random)
      await delay(pauseMs, undefined, { signal: ended.signal }).catch(() => undefined)
    }
  }
  const finished = run()

  return {
    /** Throws `orchestrator-unavailable` while the list of pods cannot be read from Kubernetes, or is too old. */
    async current(): Promise<readonly V1Pod[]> {
      await settleWithin(first, FIRST_WITHIN_MS)
      // P2: an open watch is complete; the state ages when a watch was refused or cut off.
      if (connected || clock.monotonicMs() - renewedAtMs <= STALE_AFTER_MS)
        return [...pods.values()]
      const again = { retryable: true, cause: lastError }
      throw new ServiceError('orchestrator-unavailable', NOT_LISTED, again)
    },
    async close(): Promise<void> {
      ended.abort()
      await settleWithin(finished, FIRST_WITHIN_MS)
    },
  }
}

/** The name of a pod; a node's id. */
export function nameOf(pod: V1Pod): string {
  return pod.metadata?.name ?? ''
}
