import { setTimeout as pause } from 'node:timers/promises'
import type { Adviser } from '@agentfleet/adviser'
import {
  ackForNodes,
  createOlderPointers,
  openPointerConsumers,
  openPointers,
  type Bus,
  type Registry,
  type Store,
} from '@agentfleet/adapters'
import type { Timing } from '@agentfleet/domain'
import { followFleet, type RecorderDeps } from '@agentfleet/control-plane'
import {
  CHANNELS,
  QUEUES_MAX,
  type Balancer,
  type Fresh,
  type QueuesReply,
} from '@agentfleet/protocol'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import { createAdvising } from './placing/advising.ts'
import { createRecorder, type Recorder } from './placing/decisions.ts'
import { createInflightNotes } from './placing/inflight-notes.ts'
import { NODE_SILENT_MS } from './intake/in-flight.ts'
import { createIntake, type Intake } from './intake/intake.ts'
import type { BalancerMetrics } from './metrics.ts'
import { createNodeTable, type KnownLoad, type NodeTable } from './nodes/node-table.ts'
import { ANNOUNCE_EVERY_MS, ANNOUNCE_VALID_MS, createPeers } from './intake/peers.ts'
import { createPlacer } from './placing/placer.ts'
import { createFleetView } from './nodes/view.ts'
import { createTenantShares, FULL_MAX, type Allowances } from './intake/tenant-shares.ts'
import { createEjection, type EjectionChange } from './nodes/ejection.ts'

/**
 * The load balancer: it fetches a pointer only if a node has a free credit for it, chooses the node and
 * dispatches the task. It keeps no backlog, so its crash strands only tasks in hand. Load balancers share the
 * credits equally; tenants share them by weight and by the cost of their tasks in flight.
 *
 * States: created → running → draining (takes nothing new; handed-over tasks become pointers) → closed.
 */
interface BalancerDeps {
  readonly bus: Bus
  readonly ops: RecorderDeps['ops']
  readonly store: Store
  readonly registry: Registry
  readonly adviser: Adviser
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: BalancerMetrics
  readonly random: () => number
  readonly timing: Timing
  readonly balancerId: string
  readonly claimKey: string
  /** The allowance of each tenant. */
  readonly allowances: Allowances
}

/** Milliseconds between checks of held pointers and open requests. */
const LOOK_EVERY_MS = 100
/** Milliseconds to wait for the answers of nodes. */
const ANSWERS_WITHIN_MS = 250
/** Milliseconds until every gateway has received the farewell and its earlier messages have left. */
const GATEWAYS_HEAR_MS = 200
/** Milliseconds to wait for the server before the last subscription ends. */
const FAREWELL_MS = 500

/** Creates a load balancer; it does nothing before `start`. */
export function createLoadBalancer(deps: BalancerDeps): Service {
  const { bus, clock, log, metrics } = deps
  const parts = assemble(deps)
  const { peers, olderPointers, fleetView, shares, notes, placer } = parts
  const open: { close(): void }[] = []
  const timers: NodeJS.Timeout[] = []
  let intake: Intake | undefined
  let draining = false
  let startedAtMs = 0

  const free = (): number => fleetView.now().credits - placer.held()
  metrics.observe({
    credits: () => fleetView.now().credits,
    held: placer.inHand,
    nodes: () => fleetView.now().eligible,
    ejected: () => fleetView.now().ejected,
    balancers: () => peers.share().count,
    queues: () => intake?.size() ?? 0,
  })

  // New tasks may bypass the queue only while nothing waits in it.
  const room = (): number =>
    draining || intake === undefined || intake.backlog() ? 0 : Math.max(0, free())
  const announcer = createAnnouncer(deps, parts, room)
  const { queuesEveryMs, leaseMs } = deps.timing
  const queues = every(queuesEveryMs, { clock, log, name: 'tenant-queues' }, async () => {
    if (intake === undefined) return
    const youngMs = clock.monotonicMs() - startedAtMs
    // A count is good only once each load balancer that the others count has been heard (PLACE-2).
    if (youngMs < ANNOUNCE_VALID_MS) await pause(ANNOUNCE_VALID_MS - youngMs)
    await countTenants(bus, parts, intake)
    intake.poke()
  })
  const look = (): void => {
    notes.sweep()
    placer.place()
    intake?.poke()
  }

  return {
    async start() {
      if (intake !== undefined || draining) return
      startedAtMs = clock.monotonicMs()
      olderPointers.start()
      open.push(
        olderPointers,
        ...listenToFleet(deps, parts, look),
        ackForNodes(bus),
        bus.on(CHANNELS.balancer, (hint) => {
          // Announces itself to a new load balancer at once, so that no credit is used twice for long.
          if (peers.heard(hint)) announcer.announce()
        }),
        bus.on(CHANNELS.handover, ({ items }) => {
          const now = room()
          takeOver(parts, items, now)
          // Without room the gateways should queue new tasks.
          if (now === 0 && announcer.hasSaidRoom()) announcer.announce()
        }),
        bus.on(CHANNELS.waiting, ({ queues: woken }) => intake?.wake(woken)),
      )
      timers.push(
        setInterval(announcer.announce, ANNOUNCE_EVERY_MS),
        setInterval(look, LOOK_EVERY_MS),
      )
      announcer.announce()
      intake = createIntake({
        bus,
        consumers: openPointerConsumers(bus, leaseMs),
        shares,
        log,
        monotonicMs: clock.monotonicMs,
        credits: free,
        running: placer.running,
        stuckOf: placer.stuckOf,
        receive: placer.add,
      })
      await queues.start()
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
    async drain(deadlineMs) {
      if (draining) return
      draining = true
      intake?.stop()
      for (const timer of timers) clearInterval(timer)
      announcer.leave()
      const heard = pause(Math.min(GATEWAYS_HEAR_MS, deadlineMs))
      await Promise.all([queues.drain(deadlineMs), placer.drain(deadlineMs), heard])
      await notes.flush()
      // After this round trip, what gateways sent before the farewell has arrived and has its pointer.
      await bus.roundTrip(FAREWELL_MS)
      for (const each of open) each.close()
    },
  }
}

type Parts = ReturnType<typeof assemble>

/** Creates what tells gateways and other load balancers whether this load balancer has room. */
function createAnnouncer(
  { bus, balancerId: id }: BalancerDeps,
  { shares, placer, since }: Parts,
  room: () => number,
) {
  let announcedRoom = false
  let left = false
  const say = (hint: Balancer): boolean => bus.send(CHANNELS.balancer, hint)
  return {
    hasSaidRoom: () => announcedRoom,
    announce(): void {
      // After its farewell the load balancer must not be counted again.
      if (left) return
      announcedRoom = room() > 0
      // A new task of a tenant starts after the tasks of this tenant that the load balancer already holds.
      const full = [...new Set([...shares.full(), ...placer.stuckTenants()])].slice(0, FULL_MAX)
      const said = say({ id, since, room: announcedRoom, ...(full.length > 0 ? { full } : {}) })
      if (said && bus.connected()) shares.announced()
    },
    leave(): void {
      left = true
      say({ id, room: false, leaving: true })
    },
  }
}

/** Counts what each tenant has in flight, on all nodes. */
async function countTenants(bus: Bus, { shares, nodes }: Parts, intake: Intake): Promise<void> {
  shares.asking()
  const [, answers] = await Promise.all([
    intake.look(),
    bus.gather(CHANNELS.tenants, {}, ANSWERS_WITHIN_MS),
  ])
  // Asked last: an older figure would leave out tasks that the nodes have just begun (PLACE-2).
  const figures = await bus.ask(CHANNELS.queues, { fresh: true }, ANSWERS_WITHIN_MS)
  for (const answer of answers) shares.runs(answer)
  const heard = new Set(answers.map(({ nodeId }) => nodeId))
  const complete = nodes.loads().every((load) => heard.has(load.id) || !mayHaveTasks(load))
  shares.tally(figures.kind === 'reply' ? inFlightIn(figures.body) : undefined, complete)
}

/** Whether a node that did not answer may run tasks that count. */
function mayHaveTasks({ active, gone, heartbeatAgeMs }: KnownLoad): boolean {
  return active > 0 && !gone && heartbeatAgeMs < NODE_SILENT_MS
}

/** Places tasks that a gateway hands over; those above the limit of their tenant get a pointer. */
function takeOver(
  { shares, placer, pointers }: Parts,
  items: readonly (Fresh | undefined)[],
  room: number,
): void {
  const { within, beyond } = shares.admit(
    items.filter((item) => item !== undefined),
    (tenant) => placer.stuckOf(tenant) > 0,
  )
  for (const { pointer, priority } of beyond) pointers.issue(pointer, priority)
  placer.addFresh(within, room)
}

/** Creates and connects the parts; they do not listen yet. */
function assemble(deps: BalancerDeps) {
  const { bus, clock, metrics } = deps
  const { nowMs, monotonicMs } = clock
  const tenants = (): number => (shares.several() ? 2 : 1)
  const recorder = createRecorder({ ...deps, tenants })
  const ejection = createEjection(monotonicMs, (change) => recordEjection(change, nodes, recorder))
  const nodes = createNodeTable(clock, ejection)
  const since = clock.nowMs()
  const peers = createPeers({ id: deps.balancerId, since }, clock)
  const fleetView = createFleetView(nodes, peers, monotonicMs)
  const shares = createTenantShares({
    allowances: deps.allowances,
    balancers: peers.balancers,
    monotonicMs,
  })
  const queue = openPointers(bus)
  const olderPointers = createOlderPointers(bus)
  const pointers: typeof queue = {
    ...queue,
    issue(pointer, priority) {
      shares.released(pointer.taskId)
      queue.issue(pointer, priority)
    },
  }
  const youngNotes = createInflightNotes(
    { store: deps.store, pointers: queue },
    monotonicMs,
    (count) => metrics.notesLost.inc(count),
  )
  const notes = shares.counting(youngNotes)
  const placer = createPlacer({
    ...deps,
    since,
    nowMs,
    monotonicMs,
    notes,
    nodes,
    pointers,
    olderPointers,
    fleetView,
    ejection,
    standing(tenant) {
      const { inFlightCost, taskCost, weight } = shares.standing(tenant)
      return { level: inFlightCost / weight, step: taskCost / weight }
    },
    placesLeft(tenant) {
      const left = shares.placesLeft(tenant)
      // The client keeps a dispatch until it is connected again, and by then others may have taken the place.
      return left === Infinity || bus.connected() ? left : 0
    },
    unplaced: (taskId) => shares.unplaced(taskId),
    released: (taskId) => shares.released(taskId),
    advising: (back) => createAdvising({ ...deps, recorder, tenants }, back),
  })
  return { nodes, peers, pointers, olderPointers, fleetView, shares, notes, placer, since }
}

function recordEjection(change: EjectionChange, nodes: NodeTable, recorder: Recorder): void {
  const loads = nodes.loads()
  const load = loads.find(({ id }) => id === change.nodeId)
  const out = load?.ejected !== undefined
  recorder.ejectionChanged(
    change,
    load?.incarnation ?? 0,
    out === (change.kind === 'eject'),
    loads.length,
  )
}

function listenToFleet(
  { bus, registry, clock, log }: BalancerDeps,
  { nodes, notes, shares, placer }: Pick<Parts, 'nodes' | 'notes' | 'shares' | 'placer'>,
  look: () => void,
): { close(): void }[] {
  const fleetView = followFleet(bus, clock)
  fleetView.onSnapshot((snapshot) => {
    nodes.snapshot(snapshot)
    for (const { nodeId, incarnation, state } of snapshot.nodes) {
      if (state === 'dead') shares.died(nodeId, incarnation)
    }
  })
  return [
    bus.on(CHANNELS.heartbeat, (heartbeat) => {
      nodes.heartbeat(heartbeat)
      shares.heartbeat(heartbeat)
      look()
    }),
    bus.on(CHANNELS.load, (load) => {
      const ended = load.ended.filter((taskId) => taskId !== undefined)
      notes.ended(placer.left(ended, load), load.nodeId)
      nodes.heartbeat(load)
      look()
    }),
    fleetView,
    registry.watch('agent-worker', (ids) => {
      log.info({ nodes: ids.length }, 'The load balancer has read the list of nodes from Consul')
      nodes.passing(ids)
    }),
  ]
}

/** The tasks of each tenant that a coordinator knows to be in flight; undefined if it does not know all. */
function inFlightIn(figures: QueuesReply): ReadonlyMap<string, number> | undefined {
  if (figures.kind !== 'queues' || figures.queues.length === QUEUES_MAX) return undefined
  const sums = new Map<string, number>()
  for (const { tenant, inFlight } of figures.queues)
    sums.set(tenant, (sums.get(tenant) ?? 0) + inFlight)
  return sums
}
