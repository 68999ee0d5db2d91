import type { TaskEvent } from '@agentfleet/domain'
import { CHANNELS, taskIdOf } from '@agentfleet/protocol'
import type { Bus, BusMessage } from '@agentfleet/adapters'
import type { Logger } from '@agentfleet/runtime'

/**
 * The one subscription to what the log stored (L5), shared by everyone in this process who waits for
 * a task. Most messages concern nobody here: the id in the subject is looked up before anything is
 * parsed. Messages may be lost while the connection is away (L6); sinks are told of it.
 */
export interface LiveSink {
  /** Whether the sink wants this event of this task. */
  wants(taskId: string, submitted: boolean): boolean
  deliver(taskId: string, event: TaskEvent, seq: number): void
  /** Events may have been missed until now. */
  missed(): void
}

/** How the submitter's event begins, so that it is known without parsing it. */
const SUBMITTED_PREFIX = '{"type":"submitted"'

/** Subscriptions the sinks until closed. */
export function followLive(deps: { bus: Bus; sinks: readonly LiveSink[]; log: Logger }): {
  close(): void
} {
  const { bus, sinks, log } = deps
  const wanted = (message: BusMessage): boolean => {
    const taskId = taskIdOf(message.subject)
    if (!sinks.some((sink) => sink.wants(taskId, false) || sink.wants(taskId, true))) return false
    const submitted = message.text().startsWith(SUBMITTED_PREFIX)
    return sinks.some((sink) => sink.wants(taskId, submitted))
  }
  const subscription = bus.on(
    CHANNELS.live,
    (event, { subject, seq }) => {
      const taskId = taskIdOf(subject)
      if (seq === 0) {
        log.warn({ taskId, subject }, 'a live event without a sequence was dropped')
        return
      }
      const submitted = event.type === 'submitted'
      for (const sink of sinks) if (sink.wants(taskId, submitted)) sink.deliver(taskId, event, seq)
    },
    { wanted },
  )
  const forget = bus.onReconnect(() => {
    for (const sink of sinks) sink.missed()
  })
  return {
    close() {
      subscription.close()
      forget()
    },
  }
}
