import { createPuller, type Bus, type PulledMessage, type Puller } from '@agentfleet/adapters'
import { countServed, LEVELS, NOTHING_SERVED, planIntake, type Level } from '@agentfleet/domain'
import { pointerConsumer, STREAMS, type PointerQueue } from '@agentfleet/protocol'

/**
 * Fetches pointers, one pull consumer per priority, never more than there are credits (late
 * binding): what no node has room for stays in JetStream, where it survives everything. Priorities with a
 * backlog are served 6 : 3 : 1, counted over all fetched, so that low never starves. Pointers of
 * tasks that run already need no credit, but for those whose node is gone: a bounded number of them is
 * in hand at once.
 */
export interface Intake {
  /** Credits may have changed: look again. */
  poke(): void
  /** Whether pointers are known to wait for credits. */
  backlog(): boolean
  stop(): void
}

/** Pointers of running tasks asked for at once. */
const RUNNING_ASKED_MAX = 2_000

/** Starts fetching; `credits` are those of all nodes less what is already held. */
export function createIntake(
  bus: Bus,
  credits: () => number,
  held: () => number,
  receive: (message: PulledMessage, queue: PointerQueue) => void,
): Intake {
  const waiting: Record<Level, number> = { low: 0, medium: 0, high: 0 }
  const asked: Record<Level, number> = { low: 0, medium: 0, high: 0 }
  const fetched: Record<Level, number> = { low: 0, medium: 0, high: 0 }
  let served = NOTHING_SERVED
  /** What was fetched since it was last looked at, counted together. */
  const settle = (): void => {
    for (const level of LEVELS) {
      if (fetched[level] === 0) continue
      served = countServed(served, level, fetched[level], waiting)
      fetched[level] = 0
    }
  }
  const pullers: Puller[] = LEVELS.map((priority) =>
    createPuller(bus, {
      stream: STREAMS.tasks,
      consumer: pointerConsumer(priority),
      wanted() {
        settle()
        asked[priority] = 0
        asked[priority] = planIntake(priority, {
          credits: credits(),
          waiting,
          asked,
          served,
        })
        return asked[priority]
      },
      receive(message) {
        asked[priority] = Math.max(0, asked[priority] - 1)
        waiting[priority] = message.waiting
        fetched[priority] += 1
        receive(message, priority)
      },
    }),
  )
  pullers.push(
    createPuller(bus, {
      stream: STREAMS.tasks,
      consumer: pointerConsumer('running'),
      wanted: () => Math.max(0, RUNNING_ASKED_MAX - held()),
      receive: (message) => receive(message, 'running'),
    }),
  )
  return {
    poke() {
      for (const puller of pullers) puller.poke()
    },
    backlog: () => LEVELS.some((priority) => waiting[priority] > 0),
    stop() {
      for (const puller of pullers) puller.stop()
    },
  }
}
