import { createLogFill, LOG_FILL_EVERY_MS, type LogFill, type TaskLog } from '@agentfleet/adapters'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import type { GatewayMetrics } from '../metrics.ts'
import { Refusal } from '../http/problems.ts'

/**
 * Whether another submission is let in. Two limits (L7): how many appends are unanswered, and how
 * full the log is, so that the endings of accepted tasks always find room.
 */
export interface Admission {
  /** Takes one place; a Refusal when there is none. Each place must be given back. */
  enter(): Refusal | undefined
  leave(): void
  /** Places taken. */
  inFlight(): number
  /** Whether the log has room for new tasks. */
  readonly logFill: Pick<LogFill, 'full'>
  /** The watch on the log's fill. */
  readonly watch: Service
}

/** An admission with nothing in flight. */
export function createAdmission(deps: {
  taskLog: Pick<TaskLog, 'fill'>
  submissionsMax: number
  clock: Clock
  log: Logger
  metrics: GatewayMetrics
}): Admission {
  const { taskLog, submissionsMax, clock, log, metrics } = deps
  const logFill = createLogFill(taskLog)
  let inFlight = 0
  return {
    logFill,
    inFlight: () => inFlight,
    enter() {
      if (logFill.full()) return logFull()
      if (inFlight >= submissionsMax) {
        return new Refusal(
          'overloaded',
          'Nothing was stored. Send the request again after Retry-After seconds.',
        )
      }
      inFlight += 1
      return undefined
    },
    leave() {
      inFlight -= 1
    },
    watch: every(LOG_FILL_EVERY_MS, { clock, log, name: 'log-fill' }, async () => {
      const before = logFill.full()
      const share = await logFill.look()
      metrics.logFill.set(share)
      const full = logFill.full()
      if (full === before) return
      log.warn({ share, full }, full ? 'log nearly full: no new tasks' : 'log has room again')
    }),
  }
}

/** The refusal of a full log. */
export function logFull(): Refusal {
  return new Refusal(
    'log-full',
    'Nothing was stored. The log makes room as ended tasks expire; send the request again after Retry-After seconds.',
  )
}
