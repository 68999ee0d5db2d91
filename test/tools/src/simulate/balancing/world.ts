import { acceptAttempt, reservationOf, type Level } from '@agentfleet/domain'
import type { VirtualClock } from './clock.ts'
import type { Scenario } from './scenarios.ts'

/**
 * The fleet of a simulated run: nodes with slots, units of processor and a speed.
 *
 * A node runs tasks that have a slot and room, keeps the others in its own queue (policies that hand over at
 * once need one), forgets everything when it is killed, and fails tasks at once while it is a sinkhole.
 * Invariant: every task is in one place: under way to a node, queued there, running, or about to arrive again.
 */
export interface SimTask {
  readonly id: number
  readonly workMs: number
  readonly cpu: Level
  readonly memory: 'low'
  readonly priority: Level
  /** The time since which it has waited for its present attempt. */
  readyAtMs: number
  /** Waiting of all its attempts so far. */
  waitedMs: number
}

/** One simulated worker node. */
export interface SimNode {
  readonly id: string
  readonly slots: number
  readonly queue: SimTask[]
  up: boolean
  incarnation: number
  upSinceMs: number
  active: number
  units: number
  responseMs: number
  ok: number
  failed: number
}

/** The inputs of a policy, and how it takes tasks. */
export interface Policy {
  arrive(task: SimTask): void
  /** A node's figures have changed. */
  changed?(node: SimNode): void
}

/** Results of a run. */
export interface Tally {
  readonly waits: number[]
  /** Used and existing slot milliseconds during the measurement. */
  usedMs: number
  slotMs: number
  failedAttempts: number
  /** Most units of processor that a node had reserved beyond what it has. */
  overcommit: number
}

/** A fleet in a scenario. */
export interface World {
  readonly nodes: readonly SimNode[]
  readonly tally: Tally
  /** Nodes that the registry lists: a death is noticed a while later. */
  listed(node: SimNode): boolean
  /** Hands the task over if the node accepts it; a node that is down gives a no-responders reply. */
  offer(node: SimNode, task: SimTask): 'taken' | 'refused' | 'nobody'
  /** Hands the task over, to wait in the node's own queue if it must. */
  enqueue(node: SimNode, task: SimTask): void
}

/** Between any two processes, one way, milliseconds. */
export const HOP_MS = 0.5
/** A death is noticed this long after it (phi accrual with a second witness), milliseconds. */
const NOTICED_AFTER_MS = 1_600
/** A sinkhole gives a task back after this long, milliseconds. */
const SINKHOLE_MS = 5
/** A failed attempt is tried again after a backoff of at most this, milliseconds. */
const BACKOFF_MS = 500
/** Weight of the newest attempt in a node's mean response time, as in the worker. */
const RESPONSE_WEIGHT = 0.1

/** Builds the fleet of a scenario; `policy` is created at the first task. */
export function createWorld(
  clock: VirtualClock,
  scenario: Scenario,
  random: () => number,
  policy: () => Policy,
): World {
  const tally: Tally = { waits: [], usedMs: 0, slotMs: 0, failedAttempts: 0, overcommit: 0 }
  const running = new Map<SimNode, Set<SimTask>>()
  const nodes = scenario.nodes.map(({ slots }, index): SimNode => {
    const warm = { incarnation: 1, upSinceMs: -Infinity, active: 0, units: 0, responseMs: 0 }
    return { id: `node-${index}`, slots, queue: [], up: true, ok: 0, failed: 0, ...warm }
  })
  for (const node of nodes) running.set(node, new Set())
  const count = createSlotCount(clock, scenario, nodes, tally)

  const start = (node: SimNode, task: SimTask): void => {
    count()
    const now = clock.nowMs()
    task.waitedMs += now - task.readyAtMs
    node.active += 1
    node.units += reservationOf(task.cpu, node.slots)
    tally.overcommit = Math.max(tally.overcommit, node.units - node.slots)
    running.get(node)!.add(task)
    const { incarnation } = node
    const fails = isSinkhole(scenario, nodes.indexOf(node), now)
    const tookMs = fails
      ? SINKHOLE_MS
      : task.workMs / speedOf(scenario, nodes.indexOf(node), now - node.upSinceMs)
    clock.after(tookMs, () => {
      if (node.incarnation === incarnation && node.up) end(node, task, fails, tookMs)
    })
  }

  const end = (node: SimNode, task: SimTask, failed: boolean, tookMs: number): void => {
    count()
    running.get(node)!.delete(task)
    node.active -= 1
    node.units -= reservationOf(task.cpu, node.slots)
    if (failed) {
      node.failed += 1
      tally.failedAttempts += 1
      comeBack(task, Math.max(100, random() * BACKOFF_MS))
    } else {
      node.ok += 1
      node.responseMs += (tookMs - node.responseMs) * (node.responseMs === 0 ? 1 : RESPONSE_WEIGHT)
      if (clock.nowMs() >= scenario.warmUpMs) tally.waits.push(task.waitedMs)
    }
    startQueued(node)
    policy().changed?.(node)
  }

  /** It waits from now on, the delay included. */
  const comeBack = (task: SimTask, delayMs: number): void => {
    task.readyAtMs = clock.nowMs()
    clock.after(delayMs, () => policy().arrive(task))
  }

  const startQueued = (node: SimNode): void => {
    for (let next = node.queue[0]; next !== undefined; next = node.queue[0]) {
      if (node.active >= node.slots) return
      if (node.units + reservationOf(next.cpu, node.slots) > node.slots) return
      node.queue.shift()
      start(node, next)
    }
  }

  const kill = (node: SimNode): void => {
    count()
    const lost = [...running.get(node)!]
    const queued = node.queue.splice(0)
    running.get(node)!.clear()
    Object.assign(node, { up: false, active: 0, units: 0 })
    // The fleet notices lost tasks when it notices the death of the node: running tasks wait from then on, and
    // queued tasks still wait.
    clock.after(NOTICED_AFTER_MS, () => {
      for (const task of lost) comeBack(task, 0)
      for (const task of queued) policy().arrive(task)
    })
  }
  const revive = (node: SimNode): void => {
    count()
    node.up = true
    node.incarnation += 1
    node.upSinceMs = clock.nowMs()
    policy().changed?.(node)
  }
  const { restart } = scenario
  if (restart !== undefined) {
    clock.after(restart.atMs, () => kill(nodes[restart.node]!))
    clock.after(restart.atMs + restart.downMs, () => revive(nodes[restart.node]!))
  }

  return {
    nodes,
    tally,
    listed(node) {
      if (restart === undefined || node !== nodes[restart.node]) return true
      const since = clock.nowMs() - restart.atMs
      return since < NOTICED_AFTER_MS || since >= restart.downMs
    },
    offer(node, task) {
      if (!node.up) return 'nobody'
      const active = node.active + node.queue.length
      const room = { slots: node.slots, active, draining: false }
      if (acceptAttempt(room, 0).kind === 'refuse') return 'refused'
      node.queue.push(task)
      startQueued(node)
      policy().changed?.(node)
      return 'taken'
    },
    enqueue(node, task) {
      if (!node.up) {
        // The no-responders reply arrives at once.
        clock.after(HOP_MS, () => policy().arrive(task))
        return
      }
      node.queue.push(task)
      startQueued(node)
    },
  }
}

function speedOf({ nodes, restart }: Scenario, index: number, upMs: number): number {
  const { speed } = nodes[index]!
  return restart !== undefined && upMs < restart.coldMs ? speed * restart.coldSpeed : speed
}

function isSinkhole({ sinkhole: hole }: Scenario, index: number, nowMs: number): boolean {
  if (hole === undefined || index !== hole.node) return false
  const at = nowMs % (hole.everyMs ?? Infinity)
  return at >= hole.fromMs && at < hole.toMs
}

/** Creates what counts slot time up to now; call it before any change. */
function createSlotCount(
  clock: VirtualClock,
  { warmUpMs }: Scenario,
  nodes: readonly SimNode[],
  tally: Tally,
): () => void {
  let countedAtMs = warmUpMs
  return () => {
    const now = clock.nowMs()
    if (now <= countedAtMs) return
    for (const node of nodes) {
      tally.usedMs += node.active * (now - countedAtMs)
      if (node.up) tally.slotMs += node.slots * (now - countedAtMs)
    }
    countedAtMs = now
  }
}
