import type { Bus } from '@agentfleet/adapters'
import { SUBJECTS, deltaSchema, type DeltaFrame } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'

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
export function createDeltaTaps(bus: Pick<Bus, 'subscribe'>, log: Logger): DeltaTaps {
  const sources = new Map<string, Source>()

  function receive(taskId: string, text: string) {
    const source = sources.get(taskId)
    if (source === undefined) return
    const parsed = deltaSchema.safeParse(JSON.parse(text))
    if (!parsed.success) {
      log.debug({ taskId }, 'an unreadable delta was dropped')
      return
    }
    if (parsed.data.attempt < source.attempt) return
    source.attempt = parsed.data.attempt
    const frame: DeltaFrame = { type: 'delta', taskId, ...parsed.data }
    const line = JSON.stringify(frame)
    for (const receiver of source.receivers) receiver(line)
  }

  function open(taskId: string): Source {
    const subscription = bus.subscribe(SUBJECTS.delta(taskId), (message) =>
      receive(taskId, message.text()),
    )
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
