import type { TaskEvent } from '@agentfleet/domain'
import { CHANNELS, taskIdOf } from '@agentfleet/protocol'
import type { Bus, BusMessage } from '@agentfleet/adapters'
import type { Logger } from '@agentfleet/runtime'

/**
 * The one live subscription to stored events (L5), shared by all parts of this process that wait for a task.
 * Most messages concern no sink, so the task id in the subject is looked up before the message is parsed.
 * Messages may be lost while the bus is disconnected (L6); then the sinks get `missed`.
 */
export interface LiveSink {
  /** Whether the sink wants this event of this task. */
  wants(taskId: string, submitted: boolean): boolean
  deliver(taskId: string, event: TaskEvent, seq: number, bytes: number): void
  /** Tells the sink that it may have missed events before now. */
  missed(): void
}

/** The beginning of a `submitted` event, which identifies it without parsing. */
const SUBMITTED_PREFIX = '{"type":"submitted"'

/** Feeds the sinks until closed. */
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
    (event, { subject, seq, bytes }) => {
      const taskId = taskIdOf(subject)
      if (seq === 0) {
        log.warn({ taskId, subject }, 'The gateway dropped a live event that has no sequence')
        return
      }
      const submitted = event.type === 'submitted'
      for (const sink of sinks)
        if (sink.wants(taskId, submitted)) sink.deliver(taskId, event, seq, bytes)
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
