import { setTimeout as pause } from 'node:timers/promises'
import { ack, type OlderPointers, type Pointers, type PulledMessage } from '@agentfleet/adapters'
import {
  afterPlacing,
  inTurn,
  placementNote,
  planHand,
  selectNode,
  type PlacementDecision,
  type Timing,
} from '@agentfleet/domain'
import type { Fresh, PointerQueue } from '@agentfleet/protocol'
import type { Advising } from './advising.ts'
import { createDispatcher, type DispatcherDeps } from './dispatcher.ts'
import type { Held, Why } from './in-hand.ts'
import { createReceiver, heldFresh, isOverdue } from '../intake/held.ts'
import type { KnownLoad } from '../nodes/node-table.ts'
import type { FleetView } from '../nodes/view.ts'
import type { Ejection } from '../nodes/ejection.ts'

interface PlacerDeps extends DispatcherDeps {
  readonly pointers: Pick<Pointers, 'issue'>
  readonly olderPointers: Pick<OlderPointers, 'has'>
  readonly fleetView: FleetView
  readonly ejection: Pick<Ejection, 'probed'>
  readonly advising: (back: (item: Held) => void) => Advising
  readonly random: () => number
  /** Returns what a tenant has in flight for its weight, and what one more task adds. */
  readonly standing: (tenant: string) => { readonly level: number; readonly step: number }
  /** Returns how many more tasks of a tenant may go to nodes, because of its limit. */
  readonly placesLeft: (tenant: string) => number
  /** Called for a task whose node is gone. */
  readonly unplaced: (taskId: string) => void
  /** Called when a pointer returns to its queue. */
  readonly released: (taskId: string) => void
  readonly timing: Pick<Timing, 'followAfterMs' | 'renewEveryMs'>
}

/** The reason for a task that already has a run: it takes no slot, and nothing was chosen. */
const RUNS_THERE: Why = { reason: 'runs-there', considered: 1 }
/** Milliseconds that a pointer waits in hand for its tenant's limit: another load balancer may have a place for it. */
const LIMIT_WAIT_MS = 500
/** Milliseconds between checks whether a drain has its last answer. */
const DRAIN_LOOK_MS = 20

/**
 * Places fetched pointers and new tasks without a pointer on nodes.
 *
 * A task is held (no node has room, or the chosen one refused), waits for advice, or is with the
 * dispatcher. Invariants: a task that the dispatcher returns has not run and is placed again at
 * once; held pointers are renewed, and no tenant holds more than its part (`planHand`); a task without a pointer
 * that cannot be placed at once, or that a coordinator may have given a pointer by now, gets a pointer and leaves; a
 * task whose pointer the notes have issued leaves without another one (L8); tasks of one round see what was placed
 * before them; a task goes to a node only if the limit of its tenant leaves a place, whatever way it came.
 */
export function createPlacer(deps: PlacerDeps) {
  const { bus, metrics, monotonicMs } = deps
  let held: Held[] = []
  const stuck = createStuck()
  let scheduled = false

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    // The placer places all tasks together that arrived in one read of the socket.
    setImmediate(() => {
      scheduled = false
      if (held.length > 0) place()
    })
  }
  const takeBack = (items: readonly Held[]): void => {
    held.push(...items)
    schedule()
  }
  /** Leaves a task without a pointer in hand to its queue. */
  const issue = ({ pointer, priority, fenced, issued }: Held): void => {
    if (issued) deps.released(pointer.taskId)
    else deps.pointers.issue(fenced ? { ...pointer, reissue: true } : pointer, priority)
  }
  const letGo = (item: Held): void => {
    if (item.ackSubject === undefined) issue(item)
    else ack.giveBack(bus, item.ackSubject)
  }
  const dispatcher = createDispatcher(deps, takeBack)
  const advising = deps.advising((item) => takeBack([item]))
  const receive = createReceiver(deps)

  /** Keeps the part of each tenant; the rest, and what others may have a place for, returns to its queue. */
  const keepInHand = (items: readonly Held[], others: readonly Held[]): void => {
    const { keep, back } = planHand(items, deps.nowMs())
    held = [...keep]
    stuck.set(held)
    for (const { pointer, ackSubject } of [...back, ...others]) {
      deps.released(pointer.taskId)
      ack.giveBackLater(bus, ackSubject)
    }
  }

  const place = (): void => {
    const round = createRound(deps, advising)
    const stay: Held[] = []
    const back: Held[] = []
    const before = monotonicMs() - LIMIT_WAIT_MS
    const nowMs = deps.nowMs()
    // While pointers wait in hand, room that comes free goes to the tenants in turn.
    for (const item of stuck.count() === 0 ? held : inTurn(held, deps.standing)) {
      const outcome = mayStart(item, nowMs, deps.timing) ? round.place(item) : 'hold'
      if (outcome === 'placed' || outcome === 'waits') continue
      if (item.ackSubject === undefined) issue(item)
      else if (outcome === 'limit' && item.heldSinceMs < before) back.push(item)
      else stay.push(item)
    }
    keepInHand(stay, back)
    round.count()
    for (const [nodeId, items] of round.chosen) dispatcher.assign(nodeId, items)
  }

  const renewer = setInterval(() => renewOld(deps, held), deps.timing.renewEveryMs / 4)

  return {
    /** Returns the number of pointers in hand that use up credits: pointers that found no node use no credit. */
    held: () => Math.max(0, held.length - stuck.count()) + advising.waiting(),
    /** Returns the number of all pointers in hand. */
    inHand: () => held.length + advising.waiting(),
    /** Returns the number of pointers in hand of tasks that run already. */
    running: () => held.reduce((count, item) => count + (item.running ? 1 : 0), 0),
    /** Returns how many pointers of a tenant found no node in the last round. */
    stuckOf: stuck.of,
    /** Returns the tenants of these pointers. */
    stuckTenants: stuck.tenants,
    /** Returns which of the tasks that a report lists have left their node for certain. */
    left: dispatcher.left,
    /** Tries to place what is held. */
    place(): void {
      if (held.length > 0) schedule()
    },
    /** Adds tasks that were handed over; those above `room` get a pointer instead. */
    addFresh(items: readonly Fresh[], room: number): void {
      let left = room
      for (const { pointer, priority } of items) {
        if (left-- > 0) held.push(heldFresh(pointer, priority, monotonicMs()))
        else deps.pointers.issue(pointer, priority)
      }
      metrics.fetched.inc({ way: 'handed-over' }, items.length)
      schedule()
    },
    add(message: PulledMessage, queue: PointerQueue): void {
      const item = receive(message, queue)
      if (item !== undefined) takeBack([item])
    },
    async drain(deadlineMs: number): Promise<void> {
      clearInterval(renewer)
      advising.close()
      const deadline = monotonicMs() + deadlineMs
      while (dispatcher.inTransit() + advising.waiting() > 0 && monotonicMs() < deadline) {
        await pause(DRAIN_LOOK_MS)
      }
      // Another load balancer, or the next process of this load balancer, places them.
      for (const item of held.splice(0)) letGo(item)
      stuck.set([])
    },
  }
}

/** Whether a task may go to a node: without a pointer in hand only if no other pointer leads to its start (L8). */
function mayStart(
  { ackSubject, issued, pointer }: Held,
  nowMs: number,
  timing: PlacerDeps['timing'],
): boolean {
  return ackSubject !== undefined || (!issued && !isOverdue(pointer, nowMs, timing))
}

/** Creates the count of the pointers in hand that found no node, by tenant. */
function createStuck() {
  let ofTenant = new Map<string, number>()
  let count = 0
  return {
    set(items: readonly Held[]): void {
      count = items.length
      if (count > 0 || ofTenant.size > 0) ofTenant = new Map()
      for (const { pointer } of items)
        ofTenant.set(pointer.tenant, (ofTenant.get(pointer.tenant) ?? 0) + 1)
    },
    count: () => count,
    of: (tenant: string) => ofTenant.get(tenant) ?? 0,
    tenants: () => ofTenant.keys(),
  }
}

/** Renews the leases of pointers that have been in hand for long. */
function renewOld({ bus, monotonicMs, timing }: PlacerDeps, held: readonly Held[]): void {
  const now = monotonicMs()
  for (const item of held) {
    if (now - item.heldSinceMs < timing.renewEveryMs) continue
    item.heldSinceMs = now
    ack.renew(bus, item.ackSubject)
  }
}

/** Creates one round of placement; the loads change with every task of it. */
function createRound(deps: PlacerDeps, advising: Advising) {
  const { fleetView, ejection, random, metrics } = deps
  const seen = fleetView.now()
  const loads = [...seen.loads]
  const now = { ...seen, loads }
  const chosen = new Map<string, Held[]>()
  const counts = new Map<string, number>()
  const notes = new Map<string, Why>()
  /** The places of tenants that this round leaves. */
  const places = new Map<string, number>()

  const placesLeft = (tenant: string): number => places.get(tenant) ?? deps.placesLeft(tenant)
  const assign = (nodeId: string, item: Held): void => {
    const batch = chosen.get(nodeId)
    if (batch === undefined) chosen.set(nodeId, [item])
    else batch.push(item)
  }
  /** Returns the reason; tasks that go to a node in one round for the same reason share it. */
  const whyOf = (decision: PlacementDecision & { kind: 'place' }): Why => {
    const { nodeId, reason } = decision
    const plain = reason === 'lowest-load' || reason === 'only-candidate'
    const known = plain ? notes.get(nodeId) : undefined
    if (known !== undefined) return known
    const why = { reason: placementNote(decision), considered: decision.weighed.considered }
    if (plain) notes.set(nodeId, why)
    return why
  }

  return {
    chosen,
    place(item: Held): 'placed' | 'hold' | 'limit' | 'waits' {
      const { runsAt, pointer } = item
      if (runsAt !== undefined && loads.some(({ id, gone }) => id === runsAt && !gone)) {
        item.why = RUNS_THERE
        assign(runsAt, item)
        return 'placed'
      }
      if (runsAt !== undefined) deps.unplaced(pointer.taskId)
      const left = placesLeft(pointer.tenant)
      if (left < 1) return 'limit'
      const advised = pointer.placement === 'advised' && item.ackSubject !== undefined
      const decision = advised
        ? advising.decide(item, now)
        : selectNode(loads, pointer, seen.limits, random)
      if (decision === 'waits') return 'waits'
      counts.set(decision.reason, (counts.get(decision.reason) ?? 0) + 1)
      if (decision.kind === 'hold') return 'hold'
      const { nodeId } = decision
      if (decision.reason === 'probe') ejection.probed(nodeId)
      const at = loads.findIndex((load) => load.id === nodeId)
      const load = loads[at]
      if (load !== undefined) loads[at] = afterPlaced(load, item)
      item.runsAt = undefined
      item.why = whyOf(decision)
      places.set(pointer.tenant, left - 1)
      assign(nodeId, item)
      return 'placed'
    },
    count() {
      for (const [reason, count] of counts) metrics.placements.inc({ reason }, count)
    },
  }
}

function afterPlaced(load: KnownLoad, { pointer }: Held): KnownLoad {
  return { ...afterPlacing(load, pointer), gone: load.gone }
}
