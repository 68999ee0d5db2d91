import type { Logger, Ops, Registry, Schedules } from '../../../../libs/adapters/src/index.ts'
import type { Adviser } from '../../../../libs/adviser/src/index.ts'
import type { Clock } from '../../../../libs/runtime/src/index.ts'
import { EPOCH_MS, type Process, type VirtualTime } from '../time/virtual-time.ts'

/** Parts that services need and the protocol does not depend on. */

const count = Object.assign(() => undefined, {
  inc: () => undefined,
  observe: () => undefined,
  set: () => undefined,
})

/** Metrics of any service that count nothing, under any name. */
export const NO_METRICS = new Proxy({}, { get: () => count }) as never

/** A logger that drops everything, or prints it with the time when `say` is given. */
export function loggerOf(
  process: Process,
  time: VirtualTime,
  say: ((line: string) => void) | undefined,
): Logger {
  if (say === undefined) return SILENT
  const log =
    (level: string) =>
    (object: object, message = ''): void =>
      say(
        `${time.nowMs().toFixed(1).padStart(9)} ${process.id} ${level} ${message} ${shown(object)}`,
      )
  return { debug: () => undefined, info: log('info'), warn: log('warn'), error: log('error') }
}

function shown(object: object): string {
  return JSON.stringify(object, (_key, value: unknown) =>
    value instanceof Error ? String(value) : value,
  ).slice(0, 300)
}

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** The clocks of a process; its wall clock may jump. */
export function clockOf(process: Process, time: VirtualTime): Clock {
  return {
    nowMs: () => EPOCH_MS + Math.floor(time.nowMs()) + process.clockOffsetMs,
    monotonicMs: () => time.nowMs(),
  }
}

/** No schedules. */
export const NO_SCHEDULES = {
  names: async () => [],
  get: async () => undefined,
  lastRun: async () => undefined,
  follow: () => ({
    position: () => 0,
    stuckForMs: () => 0,
    caughtUp: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
} as unknown as Schedules

/** Records nothing. */
export const NO_OPS: Pick<Ops, 'record' | 'lastDecision' | 'decisionsAfter'> = {
  record: async () => 0,
  lastDecision: async () => undefined,
  decisionsAfter: async (_service, seq) => ({ records: [], seq, more: false }),
}

/** An adviser that is off. */
export const NO_ADVISER = { mode: 'off' } as unknown as Adviser

/** Consul always lists these nodes, as during an outage: the list stays unchanged then. */
export function registryOf(nodeIds: readonly string[]): Registry {
  return {
    watch(_name: string, receive: (ids: readonly string[]) => void) {
      receive(nodeIds)
      return { close: () => undefined }
    },
  } as unknown as Registry
}
