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

/** The queues of one tenant. */
export interface Line {
  readonly tenant: string
  readonly waiting: Record<Level, number>
  readonly asked: Record<Level, number>
  /** Pointers fetched of each priority since the last settlement. */
  readonly fetched: Record<Level, number>
  served: Served
  readonly pullers: Map<Level, Listener>
}

/** A puller and the time at which its queue was last announced. */
interface Listener {
  /** Undefined while the consumer is being created. */
  puller: Puller | undefined
  heardAtMs: number
  /** Whether the open request has brought a pointer. */
  received: boolean
}

interface QueueDeps {
  readonly bus: Bus
  readonly consumers: PointerConsumers
  readonly log: Logger
  readonly monotonicMs: () => number
}

/** The user of the queues. */
interface QueueOwner {
  /** Returns how many pointers of this queue may be requested now. */
  wanted(line: Line, priority: Level): number
  receive(message: PulledMessage, priority: Level): void
}

/** Milliseconds without an announcement or a pointer after which a listener stops. */
const IDLE_MS = 60_000
/** Milliseconds after which the server has forgotten the requests of a reader. */
const FORGOTTEN_AFTER_MS = 10_000
/** Milliseconds between attempts to create a consumer. */
const MAKE_EVERY_MS = 1_000
/** Each listener costs a subscription and a few kB; further queues are served when others become idle. */
const LISTENERS_MAX = 30_000
/** Idle consumers removed in one look. */
const REMOVED_MAX = 200

/**
 * The tenant queues that this load balancer listens to, each with a consumer and a puller; at first it listens to none.
 *
 * States of a queue: unknown → listening (announced, or found among the consumers) → unknown
 * (nothing announced and nothing fetched for a while). Invariants: a queue with tasks has a
 * listener within one look, because the issuer of a pointer announces its queue, the coordinators
 * repeat the announcement for all queues with unfinished tasks, and a look finds consumers with
 * tasks; a consumer is removed only if it is empty and has no listener.
 */
export function createTenantQueues(deps: QueueDeps, owner: QueueOwner) {
  const { consumers, monotonicMs } = deps
  const lines = new Map<string, Line>()
  const abandoned = createAbandoned(deps)
  let listeners = 0
  let stopped = false

  const lineOf = (tenant: string): Line => {
    const known = lines.get(tenant)
    if (known !== undefined) return known
    const line = { tenant, ...noTasks(), pullers: new Map() }
    lines.set(tenant, line)
    return line
  }

  const forget = (line: Line, priority: Level): void => {
    line.pullers.get(priority)?.puller?.stop()
    line.pullers.delete(priority)
    listeners -= 1
    line.waiting[priority] = 0
    line.asked[priority] = 0
    if (line.pullers.size === 0) lines.delete(line.tenant)
    abandoned.add({ tenant: line.tenant, priority })
  }

  const wake = (queue: TenantQueue, waiting = 0): void => {
    if (stopped) return
    const { tenant, priority } = queue
    const known = lines.get(tenant)?.pullers.get(priority)
    if (known === undefined && listeners >= LISTENERS_MAX) return
    const line = lineOf(tenant)
    abandoned.delete(queue)
    if (known !== undefined) {
      // Fetched pointers describe the backlog better than announcements.
      known.heardAtMs = monotonicMs()
      known.puller?.poke()
      return
    }
    listeners += 1
    line.waiting[priority] = waiting
    const listener = listen(deps, owner, line, queue, () => stopped)
    line.pullers.set(priority, listener)
  }

  return {
    /** Starts to listen to this queue. */
    wake: (queue: TenantQueue) => wake(queue),
    /** Returns the tenants with listeners. */
    lines: () => lines.values(),
    /** Returns the number of queues with listeners. */
    size: () => listeners,
    /** Compares with the existing consumers: listens to forgotten queues and drops idle queues. */
    async look(): Promise<void> {
      const busy = new Set<string>()
      for (const consumer of await consumers.list()) {
        const { tenant, priority, name } = consumer
        if (consumer.waiting + consumer.out > 0) {
          busy.add(name)
          wake({ tenant, priority }, consumer.waiting)
        } else if (!lines.get(tenant)?.pullers.has(priority) && !abandoned.has(name)) {
          // A load balancer that is gone left this consumer.
          abandoned.add({ tenant, priority })
        }
      }
      const before = monotonicMs() - IDLE_MS
      for (const line of lines.values()) {
        for (const [priority, { heardAtMs }] of line.pullers) {
          const { name } = waitingConsumer({ tenant: line.tenant, priority })
          if (heardAtMs < before && !busy.has(name)) forget(line, priority)
        }
      }
      await abandoned.removeIdle()
    },
    stop(): void {
      stopped = true
      for (const { pullers } of lines.values())
        for (const { puller } of pullers.values()) puller?.stop()
    },
  }
}

/** Creates the consumer of a queue and starts to pull from it. */
function listen(
  { bus, consumers, log, monotonicMs }: QueueDeps,
  owner: QueueOwner,
  line: Line,
  queue: TenantQueue,
  isStopped: () => boolean,
): Listener {
  const { priority } = queue
  const { name } = waitingConsumer(queue)
  const listener: Listener = { puller: undefined, heardAtMs: monotonicMs(), received: false }
  let madeAtMs = -Infinity
  const make = async (): Promise<void> => {
    if (monotonicMs() - madeAtMs < MAKE_EVERY_MS) return
    madeAtMs = monotonicMs()
    await consumers.make(queue).catch((error: unknown) => {
      log.warn(
        { err: error, consumer: name },
        'The load balancer could not create the consumer of a tenant; it tries again',
      )
    })
    listener.puller?.poke()
  }
  const pull = (): Puller =>
    createPuller(bus, {
      stream: STREAMS.tasks,
      consumer: name,
      wanted() {
        // The previous request brought nothing, so another load balancer fetched the known backlog.
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
    // The listener was dropped or stopped in the meantime, and nothing else would stop its puller.
    if (!isStopped() && line.pullers.get(priority) === listener) listener.puller = pull()
  })
  return listener
}

/** Creates the queues without a listener, whose consumers are removed when the server has forgotten the readers. */
function createAbandoned({ consumers, log, monotonicMs }: QueueDeps) {
  const left = new Map<string, { readonly queue: TenantQueue; readonly atMs: number }>()
  return {
    has: (name: string) => left.has(name),
    add: (queue: TenantQueue) =>
      left.set(waitingConsumer(queue).name, { queue, atMs: monotonicMs() }),
    delete: (queue: TenantQueue) => left.delete(waitingConsumer(queue).name),
    async removeIdle(): Promise<void> {
      const before = monotonicMs() - FORGOTTEN_AFTER_MS
      let removed = 0
      for (const [name, { queue, atMs }] of left) {
        if (atMs > before || removed >= REMOVED_MAX) break
        left.delete(name)
        // Another load balancer that still listens removes it later.
        if (await consumers.removeIdle(queue)) removed += 1
      }
      if (removed > 0)
        log.info({ removed }, 'The load balancer removed the consumers of tenants without tasks')
    },
  }
}

function noTasks(): Pick<Line, 'waiting' | 'asked' | 'fetched' | 'served'> {
  return { waiting: none(), asked: none(), fetched: none(), served: NOTHING_SERVED }
}

function none(): Record<Level, number> {
  return Object.fromEntries(LEVELS.map((level) => [level, 0])) as Record<Level, number>
}
