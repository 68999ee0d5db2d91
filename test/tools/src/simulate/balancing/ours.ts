import { HEARTBEAT_INTERVAL_MS, reservationOf } from '@agentfleet/domain'
import { createBalancer } from './balancer.ts'
import { createBroker } from './broker.ts'
import type { VirtualClock } from './clock.ts'
import { createNodeTable, type Said } from './nodes.ts'
import { HOP_MS, type Policy, type SimNode, type World } from './world.ts'

/**
 * Our policy as the load balancer runs it: the same pure functions. Their inputs are heartbeats every 500 ms,
 * load messages at most every 20 ms and the answers to dispatches. Fresh tasks are handed over while no task
 * waits; pulls follow credits, and each node has one dispatch at a time. Several balancers see the same
 * messages and share the credits.
 */

/** Changes of a node within this time share a message, milliseconds. */
const CHANGE_HEARTBEAT_MS = 20
/** Each balancer announces this often whether it has room for fresh tasks, milliseconds. */
const ANNOUNCE_EVERY_MS = 500
/** Held pointers and credits are checked again at least this often, milliseconds. */
const LOOK_EVERY_MS = 100
/** Creates `count` balancers over one queue. */
export function createOurs(
  clock: VirtualClock,
  world: World,
  count: number,
  random: () => number,
): Policy {
  const broker = createBroker(clock)
  let version = 0
  const say = (node: SimNode): Said => ({
    incarnation: node.incarnation,
    version: (version += 1),
    active: node.active + node.queue.length,
    units: node.queue.reduce((sum, { cpu }) => sum + reservationOf(cpu, node.slots), node.units),
    responseMs: node.responseMs,
    ok: node.ok,
    failed: node.failed,
  })
  const balancers = Array.from({ length: count }, (_, index) =>
    createBalancer(
      clock,
      world,
      broker,
      createNodeTable(clock, world, { count, index }, random),
      random,
      say,
    ),
  )
  const tell = (node: SimNode): void => {
    if (!node.up) return
    const said = say(node)
    clock.after(HOP_MS, () => balancers.forEach((balancer) => balancer.hear(node, said)))
  }
  const saidAtMs = new Map<SimNode, number>()
  const pending = new Set<SimNode>()
  const heartbeat = (node: SimNode): void => {
    tell(node)
    clock.after(HEARTBEAT_INTERVAL_MS, () => heartbeat(node))
  }
  world.nodes.forEach((node) =>
    clock.after(random() * HEARTBEAT_INTERVAL_MS, () => heartbeat(node)),
  )
  const look = (): void => {
    for (const balancer of balancers) balancer.look()
    clock.after(LOOK_EVERY_MS, look)
  }
  look()
  const announce = (): void => {
    for (const balancer of balancers) balancer.announce()
    clock.after(ANNOUNCE_EVERY_MS, announce)
  }
  announce()

  return {
    arrive(task) {
      if (!balancers.some((balancer) => balancer.announced())) {
        broker.publish(task)
        return
      }
      // The bus delivers it to any one of them.
      const balancer = balancers[Math.floor(random() * balancers.length)]!
      clock.after(HOP_MS, () => balancer.fresh(task))
    },
    changed(node) {
      if (pending.has(node)) return
      pending.add(node)
      // At once after a quiet moment; later messages of the same moment are sent together.
      const since = clock.nowMs() - (saidAtMs.get(node) ?? -Infinity)
      clock.after(Math.max(0, CHANGE_HEARTBEAT_MS - since), () => {
        pending.delete(node)
        saidAtMs.set(node, clock.nowMs())
        tell(node)
      })
    },
  }
}
