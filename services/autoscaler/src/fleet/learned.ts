import type { Ops } from '@agentfleet/adapters'
import { NO_FORECAST, NO_LOAD, type LoadState, type LearnedState } from '@agentfleet/domain'
import { SUBJECTS, type Decision } from '@agentfleet/protocol'
import { z } from 'zod'

/** What a leader passes on with every decision: the times of the last changes. */
export interface LeaderState {
  readonly scaledOutAtMs: number
  readonly scaledInAtMs: number
}

/**
 * Milliseconds. The learned state is about 6 kB, a week in steps of ten minutes; each new step is
 * worth a record.
 */
export const SAVE_LEARNED_EVERY_MS = 600_000

/**
 * Returns the state of the previous leader from its last decision. Its clock may have been ahead: a change counts as
 * made by now at the latest, or the fleet could not change for the difference.
 */
export function leaderStateOf(last: Decision | undefined, nowMs: number): LeaderState {
  if (last === undefined) return { scaledOutAtMs: 0, scaledInAtMs: 0 }
  const { scaledOutAtMs, scaledInAtMs } = last.inputs
  return {
    // A record without times counts as a change at that moment, the cautious assumption.
    scaledOutAtMs: Math.min(nowMs, typeof scaledOutAtMs === 'number' ? scaledOutAtMs : last.atMs),
    scaledInAtMs: Math.min(nowMs, typeof scaledInAtMs === 'number' ? scaledInAtMs : last.atMs),
  }
}

const finite = z.number()
const forecasters = z.array(z.object({ error: finite, shortfall: finite }))
const learnedSchema = z.object({
  load: z.record(z.string(), finite),
  forecast: z.object({
    atMs: finite,
    level: finite,
    growth: finite,
    covariance: z.tuple([finite, finite, finite]),
    week: z.array(finite).max(1_008),
    bin: finite,
    binSum: finite,
    binCount: finite,
    pending: z.array(z.object({ dueMs: finite, slots: z.array(finite).max(8) })).max(64),
    forecasters: forecasters.length(NO_FORECAST.forecasters.length),
  }),
})

/** Adds the stored learned state to that of this process; unchanged if none is stored or readable. */
export async function loadLearnedState(
  ops: Pick<Ops, 'lastState'>,
  service: string,
  own: LearnedState,
): Promise<LearnedState> {
  const { data } = learnedSchema.safeParse(await ops.lastState(service))
  // What this process has observed itself takes precedence.
  if (data === undefined || own.forecast.week.length > 0) return own
  const names = Object.keys(sumsOf(NO_LOAD))
  const sums = Object.fromEntries(names.map((name) => [name, data.load[name] ?? 0]))
  // Pending forecasts have no observations to compare with.
  const forecast = { ...data.forecast, pending: [] }
  return { ...own, load: { ...own.load, ...sums }, forecast }
}

/** Stores the learned state for the next leader, without samples, which would be outdated. */
export async function saveLearnedState(
  ops: Pick<Ops, 'record'>,
  service: string,
  { load, forecast }: LearnedState,
): Promise<void> {
  await ops.record(SUBJECTS.opsState(service), { load: sumsOf(load), forecast })
}

/** Returns the load without its samples: sums that fade over hours. */
function sumsOf(load: LoadState): Omit<LoadState, 'samples'> {
  const { samples: _, ...sums } = load
  return sums
}
