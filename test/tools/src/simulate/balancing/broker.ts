import type { Level } from '@agentfleet/domain'
import type { VirtualClock } from './clock.ts'
import { HOP_MS, type SimTask } from './world.ts'

/**
 * The queue of pointers as JetStream's pull consumers serve it: a request takes waiting pointers, and those
 * that arrive while it is open. Invariant: requests are served in the order of their arrival.
 */
export interface Broker {
  publish(task: SimTask): void
  /** Sends a request; `receive` gets each task with the number of tasks that wait behind it. */
  pull(priority: Level, batch: number, receive: (task: SimTask, waiting: number) => void): void
}

interface Pull {
  left: number
  readonly receive: (task: SimTask, waiting: number) => void
}

/** Creates an empty queue for each priority. */
export function createBroker(clock: VirtualClock): Broker {
  const waiting: Record<Level, SimTask[]> = { low: [], medium: [], high: [] }
  const pulls: Record<Level, Pull[]> = { low: [], medium: [], high: [] }

  const serve = (priority: Level): void => {
    const queue = waiting[priority]
    const open = pulls[priority]
    for (let pull = open[0]; pull !== undefined && queue.length > 0; pull = open[0]) {
      const batch = queue.splice(0, pull.left)
      pull.left -= batch.length
      if (pull.left === 0) open.shift()
      const { receive } = pull
      const behind = queue.length
      clock.after(HOP_MS, () => {
        batch.forEach((task, index) => receive(task, behind + batch.length - 1 - index))
      })
    }
  }

  return {
    publish(task) {
      waiting[task.priority].push(task)
      serve(task.priority)
    },
    pull(priority, batch, receive) {
      clock.after(HOP_MS, () => {
        pulls[priority].push({ left: batch, receive })
        serve(priority)
      })
    },
  }
}
