import {
  afterPlacing,
  countServed,
  LEVELS,
  NOTHING_SERVED,
  planIntake,
  selectNode,
  type Level,
} from '@agentfleet/domain'
import type { Broker } from './broker.ts'
import type { VirtualClock } from './clock.ts'
import type { NodeTable, Said } from './nodes.ts'
import { HOP_MS, type SimNode, type SimTask, type World } from './world.ts'

/**
 * One simulated load balancer: placer, intake and dispatcher around the pure functions.
 *
 * Invariants, as in the service: it fetches only against credits; one pull per priority and one dispatch per
 * node are under way; a task that a node refused is placed again at once; a task that was handed over past
 * the queue and finds no node is put into the queue.
 */
export interface Balancer {
  /** Fresh tasks, handed over past the queue. */
  fresh(task: SimTask): void
  /** Whether it last announced room for such tasks. */
  announced(): boolean
  announce(): void
  hear(node: SimNode, said: Said): void
  look(): void
}

/** Creates a balancer that has no tasks yet. */
export function createBalancer(
  clock: VirtualClock,
  world: World,
  broker: Broker,
  table: NodeTable,
  random: () => number,
  say: (node: SimNode) => Said,
): Balancer {
  const byId = new Map(world.nodes.map((node) => [node.id, node]))
  let held: SimTask[] = []
  // Of these, tasks that were handed over and have no pointer in the queue.
  const unqueued = new Set<SimTask>()
  let stuck = 0
  let announcedRoom = false
  let scheduled = false

  const free = (): number => table.now().credits - held.length
  const intake = createIntake(broker, free, (task) => {
    held.push(task)
    schedule()
  })
  const dispatch = createDispatcher(clock, world, table, say, (back) => {
    held.push(...back)
    schedule()
  })
  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    clock.after(0, () => {
      scheduled = false
      place()
      intake.poke()
    })
  }
  const place = (): void => {
    stuck = 0
    if (held.length === 0) return
    const { loads, limits } = table.now()
    const nodes = [...loads]
    const stay: SimTask[] = []
    for (const task of held) {
      const decision = selectNode(nodes, task, limits, random)
      if (decision.kind === 'hold') {
        if (unqueued.delete(task)) broker.publish(task)
        else stay.push(task)
        continue
      }
      unqueued.delete(task)
      const { nodeId } = decision
      if (decision.reason === 'probe') table.probed(nodeId)
      const at = nodes.findIndex(({ id }) => id === nodeId)
      nodes[at] = afterPlacing(nodes[at]!, task)
      dispatch(byId.get(nodeId)!, task)
    }
    held = stay
    stuck = stay.length
  }
  const room = (): number => (stuck > 0 || intake.backlog() ? 0 : Math.max(0, free()))
  const announce = (): void => {
    announcedRoom = room() > 0
  }

  return {
    announce,
    announced: () => announcedRoom,
    fresh(task) {
      if (room() > 0) {
        held.push(task)
        unqueued.add(task)
        schedule()
        return
      }
      broker.publish(task)
      if (announcedRoom) announce()
    },
    hear(node, said) {
      table.hear(node, said)
      schedule()
    },
    look: schedule,
  }
}

function createIntake(
  broker: Broker,
  free: () => number,
  receive: (task: SimTask) => void,
): { poke(): void; backlog(): boolean } {
  const waiting: Record<Level, number> = { low: 0, medium: 0, high: 0 }
  const asked: Record<Level, number> = { low: 0, medium: 0, high: 0 }
  let served = NOTHING_SERVED
  return {
    backlog: () => LEVELS.some((level) => waiting[level] > 0),
    poke() {
      if (LEVELS.every((level) => asked[level] > 0)) return
      const credits = free()
      for (const priority of LEVELS) {
        if (asked[priority] > 0) continue
        const batch = planIntake(priority, { credits, waiting, asked, served })
        if (batch < 1) continue
        asked[priority] = batch
        broker.pull(priority, batch, (task, behind) => {
          asked[priority] -= 1
          waiting[priority] = behind
          served = countServed(served, priority, 1, waiting)
          receive(task)
        })
      }
    },
  }
}

function createDispatcher(
  clock: VirtualClock,
  world: World,
  table: NodeTable,
  say: (node: SimNode) => Said,
  back: (tasks: readonly SimTask[]) => void,
): (node: SimNode, task: SimTask) => void {
  // Tasks assigned during a dispatch; a node with a queue has a dispatch under way.
  const queues = new Map<SimNode, SimTask[]>()
  const send = (node: SimNode, queue: SimTask[]): void => {
    const items = queue.splice(0)
    if (items.length === 0) {
      queues.delete(node)
      return
    }
    clock.after(HOP_MS, () => {
      const taken = items.map((task) => world.offer(node, task) === 'taken')
      const said = node.up ? say(node) : undefined
      clock.after(HOP_MS, () => {
        for (const task of items) table.transit(node, task, -1)
        if (said === undefined) table.unreachable(node)
        else table.hear(node, said)
        back(items.filter((_, index) => taken[index] !== true))
        send(node, queue)
      })
    })
  }
  return (node, task) => {
    table.transit(node, task, 1)
    const queue = queues.get(node)
    if (queue !== undefined) {
      queue.push(task)
      return
    }
    const fresh = [task]
    queues.set(node, fresh)
    // All tasks that are placed together are sent together.
    clock.after(0, () => send(node, fresh))
  }
}
