import type { TaskLog } from '@agentfleet/adapters'
import { LOG_ADMISSION_SHARE } from '@agentfleet/protocol'
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
  /** The watch on the log's fill. */
  readonly watch: Service
}

/** At 10,000 tasks of 10 kB a second a log of 10 GB fills by 1% a second: often enough. */
const POLL_INTERVAL_MS = 1_000

/** An admission with nothing in flight. */
export function createAdmission(deps: {
  taskLog: Pick<TaskLog, 'fill'>
  submissionsMax: number
  clock: Clock
  log: Logger
  metrics: GatewayMetrics
}): Admission {
  const { taskLog, submissionsMax, clock, log, metrics } = deps
  let inFlight = 0
  let full = false
  return {
    inFlight: () => inFlight,
    enter() {
      if (full) return logFull()
      if (inFlight >= submissionsMax) {
        return new Refusal(
          'overloaded',
          'Nothing was stored; send it again after Retry-After seconds.',
        )
      }
      inFlight += 1
      return undefined
    },
    leave() {
      inFlight -= 1
    },
    watch: every(POLL_INTERVAL_MS, { clock, log, name: 'log-fill' }, async () => {
      const { bytes, maxBytes } = await taskLog.fill()
      // Without a limit of its own the stream is bounded by the server's, which answers `full`.
      const share = maxBytes > 0 ? bytes / maxBytes : 0
      metrics.logFill.set(share)
      if (full !== share >= LOG_ADMISSION_SHARE) {
        full = !full
        log.warn({ share, full }, full ? 'log nearly full: no new tasks' : 'log has room again')
      }
    }),
  }
}

/** The refusal of a full log. */
export function logFull(): Refusal {
  return new Refusal(
    'log-full',
    'Nothing was stored. Room comes back as finished tasks age; send it again after Retry-After seconds.',
  )
}
