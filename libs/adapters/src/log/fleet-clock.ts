import { clockOffsetMs } from '@agentfleet/domain'
import { every, type Clock, type Closers, type Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import { streamFill } from './stream-reads.ts'

/**
 * The time of the fleet in one process: its own clock, corrected by what it hears of the time of the log.
 *
 * Deadlines, budgets of time and the ends of pauses come from the log, and what one process writes another compares
 * with its clock. A process whose clock is wrong would end things too early, or let them wait for the difference.
 */
export interface FleetClock extends Clock {
  /** Takes the time of the log from an answer for which the process waited so long, milliseconds. */
  heard(logAtMs: number, tookMs: number): void
  /** Whether the process has heard the time. */
  known(): boolean
}

/** Creates a clock that agrees with the clock of the process until it hears the time. */
export function createFleetClock(clock: Clock): FleetClock {
  let offsetMs = 0
  let known = false
  return {
    nowMs: () => clock.nowMs() + offsetMs,
    monotonicMs: () => clock.monotonicMs(),
    heard(logAtMs, tookMs) {
      offsetMs = clockOffsetMs({ nowMs: clock.nowMs(), tookMs, logAtMs })
      known = true
    },
    known: () => known,
  }
}

/** Milliseconds; in this time the clocks of two machines drift apart by less than one. */
const LOOK_EVERY_MS = 5_000
/** Milliseconds until a service that has not heard the time asks again: a new fleet has no stream at first. */
const AGAIN_AFTER_MS = 1_000

/**
 * Creates the clock of a service that asks nats-server for its time, in the state of a stream that the service may
 * read. It has the time when it is returned, unless NATS does not answer, or has no such stream yet.
 */
export async function openFleetClock(
  stream: string,
  context: {
    readonly bus: Bus
    readonly clock: Clock
    readonly log: Logger
    readonly closers: Pick<Closers, 'add'>
  },
): Promise<Clock> {
  const { bus, clock, log, closers } = context
  const fleet = createFleetClock(clock)
  let askedAtMs = -Infinity
  const look = async (): Promise<void> => {
    if (fleet.known() && clock.monotonicMs() - askedAtMs < LOOK_EVERY_MS) return
    askedAtMs = clock.monotonicMs()
    try {
      const { atMs } = await streamFill(bus, stream)
      fleet.heard(atMs, clock.monotonicMs() - askedAtMs)
    } catch (error) {
      log.debug({ err: error, stream }, 'The process could not read the time of nats-server')
    }
  }
  await look()
  const loop = every(AGAIN_AFTER_MS, { clock, log, name: 'fleet-clock' }, look)
  await loop.start()
  closers.add({ close: () => loop.drain(0) })
  return fleet
}
