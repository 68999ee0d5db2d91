/**
 * A fleet in virtual time, one tick after the other, with every task in it.
 *
 * A tick is: tasks end, nodes become ready or leave, tasks arrive, waiting tasks start in the order of their
 * arrival on the node with the most free slots, and at intervals the scaler decides. Waits are those of
 * single tasks, in whole ticks. A node costs from its order until it is gone; one that drains leaves when its
 * last task has ended.
 *
 * Invariants: a node never holds more tasks than slots; every task starts once, first come first served.
 */
import type { Traffic } from '../traffic.ts'

/** The inputs of a scaler: no more than a real one could know. */
export interface Seen {
  readonly nowMs: number
  readonly ready: number
  readonly starting: number
  readonly draining: number
  /** Tasks on all nodes, and those on nodes that are not draining. */
  readonly running: number
  readonly runningOnReady: number
  readonly queued: number
  /** Tasks that have arrived so far. */
  readonly arrived: number
}

/** Decides how many nodes should serve or start. */
export interface Scaler {
  readonly name: string
  readonly periodMs: number
  decide(seen: Seen): number
}

/** The fleet of a run. */
export interface FleetOptions {
  readonly slots: number
  readonly startupS: number
  readonly nodesMin: number
  readonly nodesMax: number
  /** Nodes at the beginning, ready. */
  readonly nodesFirst: number
  readonly waitTargetS: number
}

/** Results of a run. */
export interface Outcome {
  readonly name: string
  readonly nodeHours: number
  readonly started: number
  readonly withinTarget: number
  /** Number of tasks that waited this many ticks; the last entry counts all longer waits. */
  readonly waits: Float64Array
  readonly busySlotS: number
  readonly servingSlotS: number
  readonly outs: number
  readonly ins: number
  /** Changes that reversed the one before within ten minutes. */
  readonly reversals: number
  /** Nodes that existed, mean of each stretch of `stretchS`. */
  readonly stretchS: number
  readonly nodes: readonly number[]
}

/** Most nodes at once: twenty and those that drain. */
const NODES_AT_ONCE_MAX = 512
const WAIT_TICKS_MAX = 14_400
const REVERSAL_WITHIN_MS = 600_000
/** The history of the node count has about this many steps, of at least this length. */
const STRETCHES = 1_000
const STRETCH_MIN_S = 10
const HOUR_S = 3_600

interface Node {
  index: number
  readyAtTick: number
  active: number
}

/** Runs one scaler over all the traffic. */
export function runWorld(traffic: Traffic, options: FleetOptions, scaler: Scaler): Outcome {
  const fleet = createFleet(traffic, options)
  const queue = createQueue(traffic, options)
  const changes = createChanges()
  const period = Math.max(1, Math.round(scaler.periodMs / 1_000 / traffic.tickS))
  const ticks = traffic.arrivals.length
  const stretch = Math.ceil(Math.max(STRETCH_MIN_S / traffic.tickS, ticks / STRETCHES))
  const nodes: number[] = []
  let [paid, paidInStretch, busy, serving, arrived] = [0, 0, 0, 0, 0]
  for (let tick = 0; tick < ticks; tick += 1) {
    fleet.advance(tick)
    arrived += traffic.arrivals[tick] ?? 0
    queue.arrive(tick)
    queue.serve(tick, fleet)
    paidInStretch += fleet.size()
    busy += fleet.runningOnReady()
    serving += fleet.ready.length * options.slots
    if (tick % stretch === stretch - 1) {
      nodes.push(paidInStretch / stretch)
      paid += paidInStretch
      paidInStretch = 0
    }
    if (tick % period !== 0) continue
    const nowMs = tick * traffic.tickS * 1_000
    const before = fleet.ready.length + fleet.starting.length
    const wanted = scaler.decide({
      nowMs,
      ready: fleet.ready.length,
      starting: fleet.starting.length,
      draining: fleet.draining.length,
      running: fleet.running(),
      runningOnReady: fleet.runningOnReady(),
      queued: queue.length(),
      arrived,
    })
    fleet.resize(Math.min(options.nodesMax, Math.max(options.nodesMin, wanted)), tick)
    changes.note(fleet.ready.length + fleet.starting.length - before, nowMs)
  }
  return {
    name: scaler.name,
    nodeHours: ((paid + paidInStretch) * traffic.tickS) / HOUR_S,
    ...queue.figures(),
    busySlotS: busy * traffic.tickS,
    servingSlotS: serving * traffic.tickS,
    ...changes.figures(),
    stretchS: stretch * traffic.tickS,
    nodes,
  }
}

/** Nodes and the tasks on them. */
function createFleet(traffic: Traffic, options: FleetOptions) {
  const startupTicks = Math.round(options.startupS / traffic.tickS)
  const horizon = traffic.durations.reduce((max, ticks) => Math.max(max, ticks), 0) + 1
  const endings = new Uint16Array(horizon * NODES_AT_ONCE_MAX)
  const unused = Array.from({ length: NODES_AT_ONCE_MAX }, (_, i) => NODES_AT_ONCE_MAX - 1 - i)
  const ready: Node[] = []
  const starting: Node[] = []
  const draining: Node[] = []
  let [nextDuration, onReady, onDraining] = [0, 0, 0]

  const add = (to: Node[], readyAtTick: number): void => {
    const index = unused.pop()
    if (index === undefined) throw new Error(`more than ${NODES_AT_ONCE_MAX} nodes at once`)
    to.push({ index, readyAtTick, active: 0 })
  }
  const end = (node: Node, row: number): number => {
    const ended = endings[row + node.index] ?? 0
    if (ended === 0) return 0
    endings[row + node.index] = 0
    node.active -= ended
    return ended
  }
  const assign = (node: Node, count: number, tick: number): void => {
    node.active += count
    for (let i = 0; i < count; i += 1) {
      const ticks = traffic.durations[nextDuration] ?? 1
      nextDuration = nextDuration + 1 < traffic.durations.length ? nextDuration + 1 : 0
      const at = ((tick + ticks) % horizon) * NODES_AT_ONCE_MAX + node.index
      endings[at] = (endings[at] ?? 0) + 1
    }
  }
  for (let i = 0; i < options.nodesFirst; i += 1) add(ready, 0)

  return {
    ready,
    starting,
    draining,
    size: () => ready.length + starting.length + draining.length,
    running: () => onReady + onDraining,
    runningOnReady: () => onReady,
    free: () => ready.length * options.slots - onReady,
    /**
     * Ends tasks whose time is over, lets nodes serve whose start is over, and removes draining nodes without
     * tasks.
     */
    advance(tick: number): void {
      const row = (tick % horizon) * NODES_AT_ONCE_MAX
      for (const node of ready) onReady -= end(node, row)
      for (let i = draining.length - 1; i >= 0; i -= 1) {
        const node = draining[i] as Node
        onDraining -= end(node, row)
        if (node.active > 0) continue
        unused.push(node.index)
        draining.splice(i, 1)
      }
      while ((starting[0]?.readyAtTick ?? Infinity) <= tick) ready.push(starting.shift() as Node)
    },
    /** Starts this many tasks, each on the node with the most free slots. */
    start(count: number, tick: number): void {
      ready.sort((a, b) => a.active - b.active)
      let [level, filled] = [count, 0]
      for (const { active } of ready) {
        // The least busy nodes are filled up to one level, like water.
        if (filled > 0 && level <= active * filled) break
        level += active
        filled += 1
      }
      for (let i = 0; i < filled; i += 1) {
        const node = ready[i] as Node
        const share = Math.floor(level / filled) + (i < level % filled ? 1 : 0) - node.active
        assign(node, share, tick)
      }
      onReady += count
    },
    /** Orders new nodes, or releases the newest that still start and then the least busy. */
    resize(count: number, tick: number): void {
      while (ready.length + starting.length < count) add(starting, tick + startupTicks)
      while (ready.length + starting.length > count) {
        const unborn = starting.pop()
        if (unborn !== undefined) {
          unused.push(unborn.index)
          continue
        }
        const victim = ready.reduce((least, node) => (node.active <= least.active ? node : least))
        ready.splice(ready.indexOf(victim), 1)
        draining.push(victim)
        onReady -= victim.active
        onDraining += victim.active
      }
    },
  }
}

type Fleet = ReturnType<typeof createFleet>

/** Waiting tasks, first come first served: only the number left of each tick. */
function createQueue({ arrivals, tickS }: Traffic, options: FleetOptions) {
  const targetTicks = Math.floor(options.waitTargetS / tickS + 1e-9)
  const waits = new Float64Array(WAIT_TICKS_MAX + 1)
  let [length, headTick, headLeft, withinTarget, started] = [0, 0, arrivals[0] ?? 0, 0, 0]
  return {
    length: () => length,
    arrive(tick: number): void {
      length += arrivals[tick] ?? 0
    },
    serve(tick: number, fleet: Fleet): void {
      let places = Math.min(length, fleet.free())
      length -= places
      started += places
      if (places > 0) fleet.start(places, tick)
      while (places > 0) {
        while (headLeft === 0) headLeft = arrivals[(headTick += 1)] ?? 0
        const taken = Math.min(places, headLeft)
        const waited = tick - headTick
        const bin = Math.min(waited, WAIT_TICKS_MAX)
        waits[bin] = (waits[bin] ?? 0) + taken
        if (waited <= targetTicks) withinTarget += taken
        headLeft -= taken
        places -= taken
      }
    },
    /** Tasks that still wait at the end count as started too late. */
    figures: () => ({ started: started + length, withinTarget, waits }),
  }
}

/** Counts scaling actions, and those that reverse the one before. */
function createChanges() {
  let [outs, ins, reversals, lastSign, lastAtMs] = [0, 0, 0, 0, -Infinity]
  return {
    note(change: number, nowMs: number): void {
      if (change === 0) return
      if (change > 0) outs += 1
      else ins += 1
      const sign = Math.sign(change)
      if (sign === -lastSign && nowMs - lastAtMs <= REVERSAL_WITHIN_MS) reversals += 1
      lastSign = sign
      lastAtMs = nowMs
    },
    figures: () => ({ outs, ins, reversals }),
  }
}
