import {
  createPuller,
  type Bus,
  type PointerConsumers,
  type PulledMessage,
  type Puller,
} from '@agentfleet/adapters'
import { LEVELS, NOTHING_SERVED, type Level, type Served } from '@agentfleet/domain'
import { STREAMS, waitingConsumer, type TenantQueue } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'

/**
 * The queues of tenants that this load balancer listens to: for each a consumer and a puller.
 *
 * States of a queue: unknown → listening (announced, or seen among the consumers) → unknown again
 * (nothing heard of it for a while, nothing out of it). Invariants: a queue with tasks is listened to
 * within one look, however it got them, since whoever issues a pointer announces its queue, the
 * coordinators announce every queue of unfinished tasks again, and consumers with tasks are found
 * among all; a consumer is removed only when it is empty and nobody listens.
 */
export interface TenantQueues {
  /** Listens to this queue from now on. */
  wake(queue: TenantQueue): void
  /** Compares with the consumers that there are: finds forgotten ones, lets go of idle ones. */
  look(): Promise<void>
  /** Queues listened to. */
  lines(): Iterable<Line>
  /** How many lines there are. */
  size(): number
  stop(): void
}

/** The queues of one tenant. */
export interface Line {
  readonly tenant: string
  readonly waiting: Record<Level, number>
  readonly asked: Record<Level, number>
  /** Fetched of each priority since it was last settled, and what that adds up to. */
  readonly fetched: Record<Level, number>
  served: Served
  readonly pullers: Map<Level, Listener>
}

/** A puller and when its queue was last heard of. */
export interface Listener {
  /** Undefined while the consumer is made. */
  puller: Puller | undefined
  heardAtMs: number
  /** Whether the request that is out has brought something. */
  received: boolean
}

/** What the listeners work for. */
export interface QueueOwner {
  /** How many pointers of this queue may be asked for now. */
  wanted(line: Line, priority: Level): number
  receive(message: PulledMessage, priority: Level): void
  /** Pointers that are out of all consumers of a tenant. */
  out(counts: ReadonlyMap<string, number>): void
}

/** A queue of which nothing was heard for this long is not listened to any more, milliseconds. */
const IDLE_MS = 60_000
/** Requests of a reader are forgotten by the server within this, milliseconds. */
const FORGOTTEN_AFTER_MS = 10_000
/** A consumer is made again at most this often, milliseconds. */
const MAKE_EVERY_MS = 1_000
/** More queues are served as others become idle: each costs a subscription and some kB. */
const LISTENERS_MAX = 30_000
/** Idle consumers removed in one look. */
const REMOVED_MAX = 200

/** Listens to nothing yet. */
export function createTenantQueues(
  deps: {
    readonly bus: Bus
    readonly consumers: PointerConsumers
    readonly log: Logger
    readonly monotonicMs: () => number
  },
  owner: QueueOwner,
): TenantQueues {
  const { bus, consumers, log, monotonicMs } = deps
  const lines = new Map<string, Line>()
  const left = new Map<string, { readonly queue: TenantQueue; readonly atMs: number }>()
  let listeners = 0
  let stopped = false

  const lineOf = (tenant: string): Line => {
    const known = lines.get(tenant)
    if (known !== undefined) return known
    const line = { tenant, ...noTasks(), pullers: new Map() }
    lines.set(tenant, line)
    return line
  }

  const listen = (line: Line, queue: TenantQueue): Listener => {
    const { priority } = queue
    const { name } = waitingConsumer(queue)
    const listener: Listener = { puller: undefined, heardAtMs: monotonicMs(), received: false }
    let madeAtMs = -Infinity
    const make = async (): Promise<void> => {
      if (monotonicMs() - madeAtMs < MAKE_EVERY_MS) return
      madeAtMs = monotonicMs()
      await consumers.make(queue).catch((error: unknown) => {
        log.warn({ err: error, consumer: name }, 'consumer not made yet')
      })
      listener.puller?.poke()
    }
    const pull = (): Puller =>
      createPuller(bus, {
        stream: STREAMS.tasks,
        consumer: name,
        wanted() {
          // The request before brought nothing: what was known to wait went elsewhere.
          if (line.asked[priority] > 0 && !listener.received) line.waiting[priority] = 0
          line.asked[priority] = 0
          listener.received = false
          line.asked[priority] = owner.wanted(line, priority)
          return line.asked[priority]
        },
        receive(message) {
          listener.heardAtMs = monotonicMs()
          listener.received = true
          line.asked[priority] = Math.max(0, line.asked[priority] - 1)
          line.waiting[priority] = message.waiting
          line.fetched[priority] += 1
          owner.receive(message, priority)
        },
        missing: () => void make(),
      })
    void make().then(() => {
      // Forgotten or stopped meanwhile: nobody would stop it any more.
      if (!stopped && line.pullers.get(priority) === listener) listener.puller = pull()
    })
    return listener
  }

  const forget = (line: Line, priority: Level): void => {
    line.pullers.get(priority)?.puller?.stop()
    line.pullers.delete(priority)
    listeners -= 1
    line.waiting[priority] = 0
    line.asked[priority] = 0
    if (line.pullers.size === 0) lines.delete(line.tenant)
    const queue = { tenant: line.tenant, priority }
    left.set(waitingConsumer(queue).name, { queue, atMs: monotonicMs() })
  }

  const wake = (queue: TenantQueue, waiting = 0): void => {
    if (stopped) return
    const { tenant, priority } = queue
    const known = lines.get(tenant)?.pullers.get(priority)
    if (known === undefined && listeners >= LISTENERS_MAX) return
    const line = lineOf(tenant)
    left.delete(waitingConsumer(queue).name)
    if (known !== undefined) {
      // What waits is known better from what is fetched.
      known.heardAtMs = monotonicMs()
      known.puller?.poke()
      return
    }
    listeners += 1
    line.waiting[priority] = waiting
    line.pullers.set(priority, listen(line, queue))
  }

  const removeLeft = async (): Promise<void> => {
    const before = monotonicMs() - FORGOTTEN_AFTER_MS
    let removed = 0
    for (const [name, { queue, atMs }] of left) {
      if (atMs > before || removed >= REMOVED_MAX) break
      left.delete(name)
      // Another load balancer that listens will be the one to remove it.
      if (await consumers.removeIdle(queue)) removed += 1
    }
    if (removed > 0) log.info({ removed }, 'idle consumers removed')
  }

  return {
    wake: (queue) => wake(queue),
    lines: () => lines.values(),
    size: () => listeners,
    async look() {
      const out = new Map<string, number>()
      const busy = new Set<string>()
      for (const consumer of await consumers.list()) {
        const { tenant, priority, name } = consumer
        out.set(tenant, (out.get(tenant) ?? 0) + consumer.out)
        if (consumer.waiting + consumer.out > 0) {
          busy.add(name)
          wake({ tenant, priority }, consumer.waiting)
        } else if (!lines.get(tenant)?.pullers.has(priority) && !left.has(name)) {
          // Left behind by a load balancer that is gone.
          left.set(name, { queue: { tenant, priority }, atMs: monotonicMs() })
        }
      }
      owner.out(out)
      const before = monotonicMs() - IDLE_MS
      for (const line of lines.values()) {
        for (const [priority, { heardAtMs }] of line.pullers) {
          const { name } = waitingConsumer({ tenant: line.tenant, priority })
          if (heardAtMs < before && !busy.has(name)) forget(line, priority)
        }
      }
      await removeLeft()
    },
    stop() {
      stopped = true
      for (const line of lines.values()) {
        for (const { puller } of line.pullers.values()) puller?.stop()
      }
    },
  }
}

function noTasks(): Pick<Line, 'waiting' | 'asked' | 'fetched' | 'served'> {
  return { waiting: none(), asked: none(), fetched: none(), served: NOTHING_SERVED }
}

function none(): Record<Level, number> {
  return Object.fromEntries(LEVELS.map((level) => [level, 0])) as Record<Level, number>
}
