import { ack, type Bus, type OlderPointers, type PulledMessage } from '@agentfleet/adapters'
import { mayRunElsewhere, type Level, type Timing } from '@agentfleet/domain'
import { CHANNELS, parseItem, type Pointer, type PointerQueue } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Held } from '../placing/in-hand.ts'
import type { BalancerMetrics } from '../metrics.ts'

/**
 * Reads fetched pointers. Invariant (L3): only the first delivery of a pointer that has its spec, was
 * stored soon after its task and after this process connected to NATS, and has a sequence above all others of its
 * consumer may use the fast start.
 */
export function createReceiver(deps: {
  readonly bus: Bus
  readonly log: Logger
  readonly metrics: BalancerMetrics
  readonly monotonicMs: () => number
  readonly olderPointers: Pick<OlderPointers, 'has'>
  readonly timing: Pick<Timing, 'followAfterMs'>
}): (message: PulledMessage, queue: PointerQueue) => Held | undefined {
  const { bus, log, metrics, monotonicMs, olderPointers } = deps
  let highest = new Map<string, number>()
  /** The highest sequence of consumers that `highest` has forgotten. */
  let forgotten = 0
  return (message, queue) => {
    const parsed = parseItem(CHANNELS.pointer, message.text)
    if (parsed.kind === 'unreadable') {
      const { problem: err } = parsed
      const isNewer = err.code === 'newer-format'
      // The lease returns a newer pointer to the queue, where a load balancer of that release can take it. No service
      // can run any other unreadable pointer, which only a writer with rights on TASKS can have published.
      if (!isNewer) ack.done(bus, message.ackSubject)
      log.error(
        { subject: message.subject, err },
        isNewer
          ? 'This load balancer cannot read a pointer that a newer release has issued; the pointer returns to the queue when its lease ends'
          : 'The load balancer removed a pointer that it cannot read',
      )
      return undefined
    }
    const pointer = parsed.value
    // Sequences ascend within one consumer: that of a tenant's queue, or that of running tasks.
    const consumer = queue === 'running' ? queue : `${queue}.${pointer.tenant}`
    const seen = highest.get(consumer) ?? forgotten
    const newer = message.seq > seen && !olderPointers.has(message.seq)
    const fresh = message.deliveries === 1 && newer
    if (highest.size >= CONSUMERS_MAX) {
      forgotten = Math.max(...highest.values())
      highest = new Map()
    }
    highest.set(consumer, Math.max(seen, message.seq))
    const fenced = pointer.reissue || !fresh || isOverdue(pointer, message.storedAtMs, deps.timing)
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
      issued: false,
      heldSinceMs: monotonicMs(),
    }
  }
}

/**
 * Whether a coordinator may have issued another pointer before `atMs`, when this pointer was stored or its task is about
 * to start without one: a process stood still.
 */
export function isOverdue(
  { deadlineAtMs, spec }: Pointer,
  atMs: number,
  timing: Pick<Timing, 'followAfterMs'>,
): boolean {
  return spec === undefined || mayRunElsewhere(deadlineAtMs - spec.timeoutMs, timing, atMs)
}

/**
 * Consumers whose highest sequence is kept: more than a load balancer listens to at a time. A sequence below
 * that of a forgotten consumer gets the fenced start.
 */
const CONSUMERS_MAX = 50_000

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
    issued: false,
    heldSinceMs,
  }
}
