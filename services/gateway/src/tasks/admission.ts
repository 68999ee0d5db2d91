import { createLogFill, LOG_FILL_EVERY_MS, type LogFill, type TaskLog } from '@agentfleet/adapters'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import type { GatewayMetrics } from '../metrics.ts'
import { Refusal } from '../http/problems.ts'
import type { TenantRoom } from '../tenants/room.ts'

/**
 * Admits submissions within these limits (L7): the number and the bytes of unanswered appends, the fill of the
 * log, so that the log always has room for the end events of accepted tasks, and the share of the tenant.
 */
export interface Admission {
  /**
   * Takes one place for a task of this size; returns a Refusal if none is free. Each place must be given back.
   */
  enter(tenant: string, bytes: number): Refusal | undefined
  /** Gives a place back; `seq`: where the log has stored the task, undefined: nowhere. */
  leave(tenant: string, bytes: number, seq: number | undefined): void
  /** Returns the number of places taken. */
  inFlight(): number
  /** Whether the log is too full for new tasks. */
  readonly logFill: Pick<LogFill, 'full' | 'refuses' | 'note'>
  /** Measures the fill of the log periodically. */
  readonly watch: Service
}

/** Bytes of unanswered appends: about a second of large tasks. */
export const SUBMISSIONS_MAX_BYTES = 64 * 1024 * 1024

/** The refusal for a full log. */
export const LOG_FULL = new Refusal(
  'log-full',
  'Nothing was stored. The log is nearly full until the fleet deletes ended tasks; send the request again after Retry-After seconds.',
)

/** Creates an admission with no places taken. */
export function createAdmission(deps: {
  taskLog: Pick<TaskLog, 'fill'>
  room: Pick<TenantRoom, 'enter' | 'leave'>
  submissionsMax: number
  clock: Clock
  log: Logger
  metrics: GatewayMetrics
}): Admission {
  const { taskLog, room, submissionsMax, clock, log, metrics } = deps
  const logFill = createLogFill(taskLog)
  let inFlight = 0
  let inFlightBytes = 0
  return {
    logFill,
    inFlight: () => inFlight,
    enter(tenant, bytes) {
      if (logFill.full()) return LOG_FULL
      const tooMuch = inFlight > 0 && inFlightBytes + bytes > SUBMISSIONS_MAX_BYTES
      if (inFlight >= submissionsMax || tooMuch) {
        return new Refusal(
          'overloaded',
          'Nothing was stored. Send the request again after Retry-After seconds.',
        )
      }
      const refusal = room.enter(tenant, bytes)
      if (refusal !== undefined) return refusal
      inFlight += 1
      inFlightBytes += bytes
      return undefined
    },
    leave(tenant, bytes, seq) {
      inFlight -= 1
      inFlightBytes -= bytes
      room.leave(tenant, bytes, seq)
    },
    watch: every(LOG_FILL_EVERY_MS, { clock, log, name: 'log-fill' }, async () => {
      const before = logFill.full()
      const share = await logFill.look()
      metrics.logFill.set(share)
      const full = logFill.full()
      if (full === before) return
      log.warn(
        { share, full },
        full
          ? 'The log is nearly full; the gateway refuses new tasks'
          : 'The log has room again; the gateway accepts new tasks',
      )
    }),
  }
}
