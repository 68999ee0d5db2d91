import {
  createPuller,
  type Bus,
  type PointerConsumers,
  type PulledMessage,
} from '@agentfleet/adapters'
import {
  countServed,
  handRoom,
  joinServed,
  LEVELS,
  planIntake,
  roomOf,
  shareCredits,
  type Claim,
  type Level,
} from '@agentfleet/domain'
import {
  RUNNING_CONSUMER,
  STREAMS,
  taskIdOf,
  type PointerQueue,
  type TenantQueue,
} from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { createTenantQueues, type Line } from './tenant-queues.ts'
import type { TenantShares } from './tenant-shares.ts'

/** What fetches pointers. */
export type Intake = ReturnType<typeof createIntake>

interface IntakeDeps {
  readonly bus: Bus
  readonly consumers: PointerConsumers
  readonly shares: TenantShares
  readonly log: Logger
  readonly monotonicMs: () => number
  /** Returns the credits of all nodes minus the pointers in hand. */
  readonly credits: () => number
  /** Pointers of running tasks in hand. */
  readonly running: () => number
  /** Pointers of a tenant in hand that found no node. */
  readonly stuckOf: (tenant: string) => number
  readonly receive: (message: PulledMessage, queue: PointerQueue) => void
}

/** Pointers of running tasks requested at once. */
const RUNNING_ASKED_MAX = 2_000
/** Up to this many tenants every request gets a new plan; with more, a plan is reused for a moment. */
const FEW_TENANTS = 64
const PLAN_VALID_MS = 5

/** The division of the free credits. */
interface Plan {
  readonly atMs: number
  readonly grants: ReadonlyMap<string, number>
  /** Pointers that a tenant without a known backlog may request, so that its first task starts fast. */
  readonly doorbell: number
}

/**
 * Fetches pointers with one pull consumer for each tenant and priority, never more than there are credits (late
 * binding): the rest stays in JetStream, where no crash can lose it. Credits are divided between tenants, then
 * each tenant's share between its priorities. A pointer of a running task needs no credit unless its node is
 * gone. So the load balancer holds only a bounded number of such pointers at once.
 */
export function createIntake(deps: IntakeDeps) {
  const { bus, shares, credits, monotonicMs } = deps
  let pokedAtMs = -Infinity

  const queues = createTenantQueues(deps, {
    wanted: (line, priority) => wanted(line, priority),
    receive(message, priority) {
      const tenant = tenantOf(message.subject)
      const { weight, taskCost } = shares.standing(tenant)
      planner.served(tenant, taskCost / weight)
      shares.fetched(taskIdOf(message.subject), tenant)
      deps.receive(message, priority)
    },
  })

  const planner = createPlanner(deps, queues)

  const wanted = (line: Line, priority: Level): number => {
    if (credits() < 1) return 0
    const plan = planner.current()
    settle(line)
    const { waiting, asked } = line
    const waits = waitingOf(line) > 0
    const part = waits ? (plan.grants.get(line.tenant) ?? 0) : plan.doorbell
    // The plan already includes what the tenant's other priorities have requested.
    const own = part + askedOf(line)
    const most = planIntake(priority, { credits: own, waiting, asked, served: line.served })
    const room = Math.min(roomOf(planner.claimOf(line)), handRoom(deps.stuckOf(line.tenant)))
    const count = Math.floor(Math.min(most, room, waiting[priority] || Infinity))
    if (waits) planner.taken(line.tenant, count)
    return count
  }

  const running = createPuller(bus, {
    stream: STREAMS.tasks,
    consumer: RUNNING_CONSUMER.name,
    wanted: () => Math.max(0, RUNNING_ASKED_MAX - deps.running()),
    receive: (message) => deps.receive(message, 'running'),
  })

  return {
    /** Checks the credits again, because they may have changed. */
    poke(): void {
      running.poke()
      const now = monotonicMs()
      const soon = queues.size() > FEW_TENANTS && now - pokedAtMs < PLAN_VALID_MS
      if (soon || credits() < 1) return
      pokedAtMs = now
      for (const { pullers } of queues.lines()) {
        for (const { puller } of pullers.values()) puller?.poke()
      }
    },
    /** Whether pointers wait for credits that their tenants may use. */
    backlog(): boolean {
      for (const line of queues.lines()) {
        const { tenant } = line
        if (handRoom(deps.stuckOf(tenant)) < 1) continue
        if (waitingOf(line) > 0 && roomOf(shares.standing(tenant)) >= 1) return true
      }
      return false
    },
    /** Records that these queues have new tasks. */
    wake(named: readonly TenantQueue[]): void {
      for (const queue of named) queues.wake(queue)
    },
    look: queues.look,
    size: queues.size,
    stop(): void {
      running.stop()
      queues.stop()
    },
  }
}

/** Creates the division of the free credits between the tenants. */
function createPlanner(
  { shares, credits, monotonicMs }: IntakeDeps,
  queues: ReturnType<typeof createTenantQueues>,
) {
  let served = new Map<string, number>()
  let plan: Plan | undefined

  const claimOf = (line: Line): Claim => {
    const standing = shares.standing(line.tenant)
    const asked = askedOf(line)
    return {
      tenant: line.tenant,
      ...standing,
      waiting: Math.max(0, waitingOf(line) - asked),
      inFlight: standing.inFlight + asked,
      inFlightCost: standing.inFlightCost + asked * standing.taskCost,
      served: served.get(line.tenant) ?? 0,
    }
  }

  const planNow = (): Plan => {
    const lines = [...queues.lines()]
    const busy = lines.filter((line) => waitingOf(line) > 0)
    served = joinServed(
      served,
      busy.map(({ tenant }) => tenant),
    )
    let free = credits()
    for (const line of lines) free -= askedOf(line)
    const grants = shareCredits(free, busy.map(claimOf))
    for (const granted of grants.values()) free -= granted
    const idle = lines.length - busy.length
    // At least one, because otherwise the first task of a tenant would wait unseen behind a backlog.
    const doorbell = Math.max(1, Math.floor(free / Math.max(1, idle)))
    return { atMs: monotonicMs(), grants, doorbell }
  }
  const isReused = (): boolean => queues.size() > FEW_TENANTS

  return {
    claimOf,
    /** Records that tasks of a tenant with this cost for its weight were fetched. */
    served(tenant: string, cost: number): void {
      served.set(tenant, (served.get(tenant) ?? 0) + cost)
    },
    current(): Plan {
      const now = monotonicMs()
      if (plan === undefined || !isReused() || now - plan.atMs > PLAN_VALID_MS) plan = planNow()
      return plan
    },
    /** Takes credits of a tenant from a plan that is used again. */
    taken(tenant: string, count: number): void {
      if (plan === undefined || !isReused()) return
      const grants = new Map(plan.grants)
      grants.set(tenant, Math.max(0, (plan.grants.get(tenant) ?? 0) - count))
      plan = { ...plan, grants }
    },
  }
}

/** Adds up what was fetched of the priorities since the last call. */
function settle(line: Line): void {
  for (const level of LEVELS) {
    if (line.fetched[level] === 0) continue
    line.served = countServed(line.served, level, line.fetched[level], line.waiting)
    line.fetched[level] = 0
  }
}

function waitingOf({ waiting }: Line): number {
  return LEVELS.reduce((sum, level) => sum + waiting[level], 0)
}

/** Returns the requested pointers that may still arrive; the single pointer of a doorbell needs no credit. */
function askedOf({ waiting, asked }: Line): number {
  return LEVELS.reduce(
    (sum, level) => sum + (waiting[level] > 0 ? asked[level] : Math.max(0, asked[level] - 1)),
    0,
  )
}

/** Returns the tenant in `tasks.<queue>.<tenant>.<taskId>`. */
function tenantOf(subject: string): string {
  return subject.split('.')[2] ?? ''
}
