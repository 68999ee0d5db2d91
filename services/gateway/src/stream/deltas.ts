import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type Delta, type DeltaFrame } from '@agentfleet/protocol'

/**
 * What running attempts stream, one bus subscription per watched task however many watch it.
 *
 * Deltas are hints (L6): they may be lost or late. Invariant: once a higher attempt was seen, pieces
 * of a lower one are dropped.
 */
export interface DeltaTaps {
  /** Passes the frames of this task on until closed. */
  tap(taskId: string, receive: (frame: string) => void): DeltaTap
  /** An event of this attempt was stored: what older ones still stream is void. */
  attemptSeen(taskId: string, attempt: number): void
  /** Bus subscriptions open now. */
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

/** No subscriptions. */
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
