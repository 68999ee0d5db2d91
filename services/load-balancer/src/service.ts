import {
  openPointerConsumers,
  openPointers,
  type Bus,
  type Registry,
  type Store,
} from '@agentfleet/adapters'
import { creditsOf, isEligible, PLACEMENT_LIMITS, type PlacementLimits } from '@agentfleet/domain'
import {
  balancerSchema,
  beatSchema,
  freshSchema,
  loadSchema,
  snapshotSchema,
  SUBJECTS,
  waitingQueuesSchema,
} from '@agentfleet/protocol'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import { createInflightNotes } from './inflight-notes.ts'
import { createIntake, type Intake } from './intake.ts'
import type { BalancerMetrics } from './metrics.ts'
import { createNodeTable } from './node-table.ts'
import { createPlacer } from './placer.ts'
import { createTenantShares, type Allowances } from './tenant-shares.ts'

/**
 * The load balancer: fetches a pointer only when some node has a free credit for it, picks the node
 * and hands the task over. It keeps no backlog, so its death strands nothing that has not been
 * handed over, and several of them share the credits in equal parts. Tenants share them by weight and
 * cost of what they have in flight.
 */
export interface BalancerDeps {
  readonly bus: Bus
  readonly store: Store
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: BalancerMetrics
  readonly balancerId: string
  readonly claimKey: string
  /** What each tenant is allowed. */
  readonly allowances: Allowances
}

/** Each load balancer says that it lives this often; three silent rounds and it is not counted. */
const ANNOUNCE_EVERY_MS = 500
const ANNOUNCE_VALID_MS = 1_600
/** Held pointers and open requests are looked at again at least this often, milliseconds. */
const LOOK_EVERY_MS = 100
/** Consumers of tenants are compared with what is listened to this often, milliseconds. */
const QUEUES_EVERY_MS = 2_000

/** Creates a load balancer; nothing happens before `start`. */
export function createLoadBalancer(deps: BalancerDeps): Service {
  const { bus, clock, logger } = deps
  const monotonicMs = clock.monotonicMs
  const nodes = createNodeTable(monotonicMs)
  const balancers = new Map<string, number>()
  const open: { close(): void }[] = []
  const timers: NodeJS.Timeout[] = []
  let intake: Intake | undefined

  const limits = (): PlacementLimits => {
    const now = monotonicMs()
    for (const [id, atMs] of balancers) if (now - atMs > ANNOUNCE_VALID_MS) balancers.delete(id)
    return { ...PLACEMENT_LIMITS, creditShare: 1 / Math.max(1, balancers.size) }
  }
  const pointers = openPointers(bus)
  const shares = createTenantShares({
    allowances: deps.allowances,
    share: () => limits().creditShare,
    monotonicMs,
  })
  const youngNotes = createInflightNotes({ store: deps.store, pointers }, monotonicMs, (count) =>
    deps.metrics.notesLost.inc(count),
  )
  const notes = shares.counting(youngNotes)
  const placer = createPlacer({
    ...deps,
    notes,
    nodes,
    pointers,
    limits,
    monotonicMs,
    random: Math.random,
  })

  const credits = (): number => {
    const now = limits()
    let sum = 0
    for (const node of nodes.loads()) if (isEligible(node, now)) sum += creditsOf(node, now)
    return sum
  }
  const free = (): number => credits() - placer.held()
  const eligible = (): number => nodes.loads().filter((node) => isEligible(node, limits())).length
  deps.metrics.observe({
    credits,
    held: placer.held,
    nodes: eligible,
    queues: () => intake?.size() ?? 0,
  })

  // Fresh tasks pass by the queue only while nothing waits in it.
  const room = (): number =>
    placer.stuck() > 0 || intake === undefined || intake.backlog() ? 0 : Math.max(0, free())
  let announcedRoom = false
  const announce = (): void => {
    announcedRoom = room() > 0
    const full = shares.full()
    const hint = { id: deps.balancerId, room: announcedRoom, ...(full.length > 0 ? { full } : {}) }
    bus.publish(SUBJECTS.balancer, JSON.stringify(hint))
  }

  const queues = every(QUEUES_EVERY_MS, { clock, log: logger, name: 'tenant-queues' }, async () =>
    intake?.look(),
  )
  const look = (): void => {
    notes.sweep()
    placer.place()
    intake?.poke()
  }

  return {
    async start() {
      if (intake !== undefined) return
      open.push(
        bus.subscribe(SUBJECTS.allBeats, (message) => {
          const beat = beatSchema.parse(JSON.parse(message.text()))
          nodes.beat(beat)
          shares.beat(beat)
          look()
        }),
        bus.subscribe(SUBJECTS.allLoads, (message) => {
          const load = loadSchema.parse(JSON.parse(message.text()))
          notes.ended(load.ended)
          nodes.beat(load)
          look()
        }),
        bus.subscribe(SUBJECTS.snapshot, (message) =>
          nodes.snapshot(snapshotSchema.parse(JSON.parse(message.text()))),
        ),
        bus.subscribe(SUBJECTS.balancer, (message) => {
          const { id } = balancerSchema.parse(JSON.parse(message.text()))
          balancers.set(id, monotonicMs())
        }),
        bus.subscribe(
          SUBJECTS.fresh,
          (message) => {
            const now = room()
            const { items } = freshSchema.parse(JSON.parse(message.text()))
            const { within, beyond } = shares.admit(items)
            for (const { pointer, priority } of beyond) pointers.issue(pointer, priority)
            placer.addFresh(within, now)
            // The gateways had better queue what comes next.
            if (now === 0 && announcedRoom) announce()
          },
          { queue: 'load-balancer' },
        ),
        bus.subscribe(SUBJECTS.waiting, (message) =>
          intake?.wake(waitingQueuesSchema.parse(JSON.parse(message.text())).queues),
        ),
        deps.registry.watch('agent-worker', (ids) => {
          logger.info({ nodes: ids.length }, 'nodes listed by Consul')
          nodes.passing(ids)
        }),
      )
      balancers.set(deps.balancerId, monotonicMs())
      timers.push(setInterval(announce, ANNOUNCE_EVERY_MS), setInterval(look, LOOK_EVERY_MS))
      intake = createIntake({
        bus,
        consumers: openPointerConsumers(bus),
        shares,
        logger,
        monotonicMs,
        credits: free,
        held: placer.held,
        receive: placer.add,
      })
      await queues.start()
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
    async drain(deadlineMs) {
      await queues.drain(deadlineMs)
      intake?.stop()
      for (const timer of timers) clearInterval(timer)
      await placer.drain(deadlineMs)
      await notes.flush()
      for (const each of open) each.close()
    },
  }
}
