import type { TaskEvent } from '@agentfleet/domain'
import { SUBJECTS, parseEvent, taskIdOf } from '@agentfleet/protocol'
import type { Bus } from '@agentfleet/adapters'
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
  const subscription = bus.subscribe(SUBJECTS.allLive, (message) => {
    const taskId = taskIdOf(message.subject)
    if (!sinks.some((sink) => sink.wants(taskId, false) || sink.wants(taskId, true))) return
    const text = message.text()
    const submitted = text.startsWith(SUBMITTED_PREFIX)
    const wanting = sinks.filter((sink) => sink.wants(taskId, submitted))
    if (wanting.length === 0) return
    const event = readEvent(text)
    if (event === undefined || message.seq === 0) {
      log.warn({ taskId, subject: message.subject }, 'an unreadable live event was dropped')
      return
    }
    for (const sink of wanting) sink.deliver(taskId, event, message.seq)
  })
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

function readEvent(text: string): TaskEvent | undefined {
  try {
    return parseEvent(text)
  } catch {
    return undefined
  }
}
