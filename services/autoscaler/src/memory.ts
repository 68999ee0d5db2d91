import type { Ops } from '@agentfleet/adapters'
import { NO_FORECAST, type ForecastMemory } from '@agentfleet/domain'
import { SUBJECTS } from '@agentfleet/protocol'
import { z } from 'zod'

/** What leaders hand on: instants of changes with every decision, the learned forecast now and then. */
export interface Handed {
  readonly scaledOutAtMs: number
  readonly scaledInAtMs: number
  /** The last recorded decision in short; the same hold is not recorded twice. */
  readonly recorded: string
  /** Where the decisions begin whose outcomes are still to be measured. */
  readonly pendingFromSeq: number
}

/** A week of ten minutes is about 6 kB; a bin more of it is worth a record, milliseconds. */
export const FORECAST_EVERY_MS = 600_000

/** What the last leader left behind. */
export async function recall(ops: Pick<Ops, 'lastDecision'>, service: string): Promise<Handed> {
  const last = await ops.lastDecision(service)
  if (last === undefined) {
    return { scaledOutAtMs: 0, scaledInAtMs: 0, recorded: '', pendingFromSeq: 0 }
  }
  const { scaledOutAtMs, scaledInAtMs, decided, pendingFromSeq } = last.inputs
  return {
    // A record without instants is one whose writer knew none: as if it had just changed something.
    scaledOutAtMs: typeof scaledOutAtMs === 'number' ? scaledOutAtMs : last.atMs,
    scaledInAtMs: typeof scaledInAtMs === 'number' ? scaledInAtMs : last.atMs,
    recorded: `${last.kind} ${last.reason} ${String(decided)} ${String(last.acted)}`,
    pendingFromSeq: typeof pendingFromSeq === 'number' ? pendingFromSeq : 0,
  }
}

const finite = z.number()
const forecasters = z.array(z.object({ error: finite, shortfall: finite }))
const forecastSchema = z.object({
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
})

/** The forecast as it was recorded last; a new one when there is none, or none that can be read. */
export async function recallForecast(
  ops: Pick<Ops, 'lastState'>,
  service: string,
): Promise<ForecastMemory> {
  const { data } = forecastSchema.safeParse(await ops.lastState(service))
  return data ?? NO_FORECAST
}

/** Records the forecast for whoever comes next. */
export async function handOnForecast(
  ops: Pick<Ops, 'record'>,
  service: string,
  forecast: ForecastMemory,
): Promise<void> {
  await ops.record(SUBJECTS.opsState(service), forecast)
}
