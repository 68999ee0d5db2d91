import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type Delta, type DeltaFrame } from '@agentfleet/protocol'

/**
 * The deltas of running attempts, with one bus subscription for each watched task, no matter how
 * many viewers it has.
 *
 * Deltas are hints (L6): they may be lost or late. Invariant: once a delta of a higher attempt has
 * arrived, deltas of a lower one are dropped.
 */
export type DeltaTaps = ReturnType<typeof createDeltaTaps>

interface Source {
  readonly receivers: Set<(frame: string) => void>
  readonly subscription: { close(): void }
  attempt: number
}

/** Creates the taps; at first they have no subscription. */
export function createDeltaTaps(bus: Pick<Bus, 'on'>) {
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
    /** Returns the number of open bus subscriptions. */
    count: () => sources.size,
    /** Passes the deltas of this task to `receiver` until closed. */
    tap(taskId: string, receiver: (frame: string) => void) {
      const source = sources.get(taskId) ?? open(taskId)
      source.receivers.add(receiver)
      return {
        close(): void {
          if (!source.receivers.delete(receiver) || source.receivers.size > 0) return
          source.subscription.close()
          sources.delete(taskId)
        },
      }
    },
    /** Records a stored event of this attempt; deltas of older attempts are dropped from now on. */
    attemptSeen(taskId: string, attempt: number): void {
      const source = sources.get(taskId)
      if (source !== undefined && attempt > source.attempt) source.attempt = attempt
    },
  }
}
