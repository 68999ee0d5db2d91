import { reservationOf } from '@agentfleet/domain'
import type { VirtualClock } from './clock.ts'
import { HOP_MS, type Policy, type SimNode, type SimTask, type World } from './world.ts'

/**
 * The policies that ours is compared with. All of them hand a task over at once, to wait at its node, and
 * learn as soon as ours which nodes are gone; none knows which nodes fail.
 */
export type Rival = 'round-robin' | 'random' | 'least-loaded-1s' | 'power-of-two' | 'perfect-jsq'

/** Sees every node's current state, which no load balancer can: a bound for comparison, not a rival. */
export const REFERENCE = 'perfect-jsq'

/** All others, in the order of the table, the reference last. */
export const RIVALS: readonly Rival[] = [
  'round-robin',
  'random',
  'least-loaded-1s',
  'power-of-two',
  REFERENCE,
]

/** Largest age of the figures that the least-loaded rival sees, milliseconds. */
const SNAPSHOT_EVERY_MS = 1_000

/** Creates a rival in a world. */
export function createRival(
  rival: Rival,
  clock: VirtualClock,
  world: World,
  random: () => number,
): Policy {
  // Handed over and not yet arrived: perfect information includes it.
  const underWay = new Map<SimNode, number>()
  const load = (node: SimNode): number => {
    const tasks = node.active + node.queue.length + (underWay.get(node) ?? 0)
    const waiting = node.queue.reduce((sum, { cpu }) => sum + reservationOf(cpu, node.slots), 0)
    return Math.max(tasks, node.units + waiting) / node.slots
  }
  const snapshot = new Map<SimNode, number>()
  let snapshotAtMs = -Infinity
  const stale = (node: SimNode): number => {
    if (clock.nowMs() - snapshotAtMs >= SNAPSHOT_EVERY_MS) {
      snapshotAtMs = clock.nowMs()
      for (const each of world.nodes) snapshot.set(each, load(each))
    }
    return snapshot.get(node) ?? 0
  }
  let turn = 0
  const anyOf = (nodes: readonly SimNode[]): SimNode => nodes[Math.floor(random() * nodes.length)]!

  const choose = (nodes: readonly SimNode[]): SimNode => {
    switch (rival) {
      case 'round-robin':
        return nodes[(turn += 1) % nodes.length]!
      case 'random':
        return anyOf(nodes)
      case 'least-loaded-1s':
        return least(nodes, stale, random)
      case 'power-of-two':
        return least([anyOf(nodes), anyOf(nodes)], load, random)
      case 'perfect-jsq':
        return least(nodes, load, random)
    }
  }

  return {
    arrive(task: SimTask) {
      // To the load balancer, which decides, and on to the node.
      clock.after(HOP_MS, () => {
        const nodes = world.nodes.filter((node) => world.listed(node))
        const node = choose(nodes)
        underWay.set(node, (underWay.get(node) ?? 0) + 1)
        clock.after(HOP_MS, () => {
          underWay.set(node, (underWay.get(node) ?? 0) - 1)
          world.enqueue(node, task)
        })
      })
    },
  }
}

function least(
  nodes: readonly SimNode[],
  load: (node: SimNode) => number,
  random: () => number,
): SimNode {
  let best = nodes[0]!
  let bestLoad = Infinity
  let ties = 1
  for (const node of nodes) {
    const now = load(node)
    if (now < bestLoad) {
      best = node
      bestLoad = now
      ties = 1
    } else if (now === bestLoad && random() < 1 / ++ties) {
      best = node
    }
  }
  return best
}
