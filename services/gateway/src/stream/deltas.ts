import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type Delta, type DeltaFrame } from '@agentfleet/protocol'

/**
 * The deltas of running attempts, with one bus subscription for each watched task, no matter how
 * many viewers it has.
 *
 * Deltas are hints (L6): they may be lost or late. Invariant: once a delta of a higher attempt has
 * arrived, deltas of a lower one are dropped.
 */
export interface DeltaTaps {
  /** Passes the deltas of this task to `receive` until closed. */
  tap(taskId: string, receive: (frame: string) => void): DeltaTap
  /** Records a stored event of this attempt; deltas of older attempts are dropped from now on. */
  attemptSeen(taskId: string, attempt: number): void
  /** Returns the number of open bus subscriptions. */
  count(): number
}

/** One listener to the deltas of a task. */
export interface DeltaTap {
  close(): void
}

interface Source {
  readonly receivers: Set<(frame: string) => void>
  readonly subscription: { close(): void }
  attempt: number
}

/** Creates the taps; at first they have no subscription. */
export function createDeltaTaps(bus: Pick<Bus, 'on'>): DeltaTaps {
  const sources = new Map<string, Source>()

  function receive(taskId: string, delta: Delta) {
    const source = sources.get(taskId)
    if (source === undefined || delta.attempt < source.attempt) return
    source.attempt = delta.attempt
    const frame: DeltaFrame = { type: 'delta', taskId, ...delta }
    const line = JSON.stringify(frame)
    for (const receiver of source.receivers) receiver(line)
  }

  function open(taskId: string): Source {
    const subscription = bus.on(CHANNELS.delta, (delta) => receive(taskId, delta), {
      where: { taskId },
    })
    const source = { receivers: new Set<(frame: string) => void>(), subscription, attempt: 0 }
    sources.set(taskId, source)
    return source
  }

  return {
    count: () => sources.size,
    tap(taskId, receiver) {
      const source = sources.get(taskId) ?? open(taskId)
      source.receivers.add(receiver)
      return {
        close() {
          if (!source.receivers.delete(receiver) || source.receivers.size > 0) return
          source.subscription.close()
          sources.delete(taskId)
        },
      }
    },
    attemptSeen(taskId, attempt) {
      const source = sources.get(taskId)
      if (source !== undefined && attempt > source.attempt) source.attempt = attempt
    },
  }
}
