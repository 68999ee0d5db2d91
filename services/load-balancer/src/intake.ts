import { createPuller, type Bus, type PulledMessage, type Puller } from '@agentfleet/adapters'
import { LEVELS, planIntake, type Level } from '@agentfleet/domain'
import { pointerConsumer, STREAMS } from '@agentfleet/protocol'

/**
 * Fetches pointers, one pull consumer per priority, never more than there are credits (late
 * binding): what no node has room for stays in JetStream, where it survives everything.
 */
export interface Intake {
  /** Credits may have changed: look again. */
  poke(): void
  stop(): void
}

/** Starts fetching; `credits` are those of all nodes less what is already held. */
export function createIntake(
  bus: Bus,
  credits: () => number,
  receive: (message: PulledMessage, priority: Level) => void,
): Intake {
  const waiting: Record<Level, number> = { low: 0, medium: 0, high: 0 }
  const asked: Record<Level, number> = { low: 0, medium: 0, high: 0 }
  const pullers = new Map<Level, Puller>()
  for (const priority of LEVELS) {
    const puller = createPuller(bus, {
      stream: STREAMS.tasks,
      consumer: pointerConsumer(priority),
      wanted() {
        asked[priority] = 0
        asked[priority] = planIntake(priority, { credits: credits(), waiting, asked })
        return asked[priority]
      },
      receive(message) {
        asked[priority] = Math.max(0, asked[priority] - 1)
        waiting[priority] = message.waiting
        receive(message, priority)
      },
    })
    pullers.set(priority, puller)
  }
  return {
    poke() {
      for (const puller of pullers.values()) puller.poke()
    },
    stop() {
      for (const puller of pullers.values()) puller.stop()
    },
  }
}
