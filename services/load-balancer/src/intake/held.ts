import { ack, type Bus, type PulledMessage } from '@agentfleet/adapters'
import type { Level } from '@agentfleet/domain'
import { fromStored, pointerSchema, ServiceError, type PointerQueue } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Held } from '../placing/in-hand.ts'
import type { BalancerMetrics } from '../metrics.ts'

/**
 * Reads fetched pointers. Invariant (L3): only the first delivery of a pointer that has its spec
 * and a sequence above all others of its consumer may use the fast start.
 */
export function createReceiver(deps: {
  readonly bus: Bus
  readonly log: Logger
  readonly metrics: BalancerMetrics
  readonly monotonicMs: () => number
}): (message: PulledMessage, queue: PointerQueue) => Held | undefined {
  const { bus, log, metrics, monotonicMs } = deps
  const highest = new Map<string, number>()
  return (message, queue) => {
    let stored: unknown
    try {
      stored = fromStored(message.text, 'pointer')
    } catch (error) {
      // The lease returns the pointer to the queue, where a load balancer of the newer release can
      // take it.
      if (error instanceof ServiceError) {
        log.error(
          { subject: message.subject, err: error },
          'A newer release has issued a pointer that this load balancer cannot read; the pointer returns to the queue when its lease ends',
        )
        return undefined
      }
    }
    const parsed = pointerSchema.safeParse(stored)
    if (!parsed.success) {
      // Only a writer with rights on TASKS can have published it; no service can run it.
      log.error(
        { subject: message.subject, err: parsed.error },
        'The load balancer removed a pointer that it cannot read',
      )
      ack.done(bus, message.ackSubject)
      return undefined
    }
    const pointer = parsed.data
    // Sequences ascend within one consumer: that of a tenant's queue, or that of running tasks.
    const consumer = queue === 'running' ? queue : `${queue}.${pointer.tenant}`
    const seen = highest.get(consumer) ?? 0
    const fresh = message.deliveries === 1 && message.streamSeq > seen
    highest.set(consumer, Math.max(seen, message.streamSeq))
    const fenced = pointer.reissue || !fresh || pointer.spec === undefined
    metrics.fetched.inc({ way: fenced ? 'fenced' : 'fresh' })
    return {
      pointer,
      priority: queue === 'running' ? 'medium' : queue,
      ackSubject: message.ackSubject,
      running: queue === 'running',
      fenced,
      // A redelivered pointer was given back, so its run no longer exists.
      runsAt: fresh ? pointer.node : undefined,
      why: undefined,
      heldSinceMs: monotonicMs(),
    }
  }
}

/** Creates the entry of a task that was handed over without a pointer. */
export function heldFresh(pointer: Held['pointer'], priority: Level, heldSinceMs: number): Held {
  return {
    pointer,
    priority,
    ackSubject: undefined,
    running: false,
    fenced: false,
    runsAt: undefined,
    why: undefined,
    heldSinceMs,
  }
}
