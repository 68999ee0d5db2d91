import type { Ops } from '@agentfleet/adapters'
import { NO_FORECAST, NO_LOAD, type LoadState, type LearnedState } from '@agentfleet/domain'
import { SUBJECTS, type Decision } from '@agentfleet/protocol'
import { z } from 'zod'

/** What leaders hand on with every decision: the instants of the last changes. */
export interface LeaderState {
  readonly scaledOutAtMs: number
  readonly scaledInAtMs: number
}

/** What is learned is about 6 kB, a week of ten minutes; one more of them is worth a record, milliseconds. */
export const SAVE_LEARNED_EVERY_MS = 600_000

/** What the last leader left behind, by its last decision. */
export function leaderStateOf(last: Decision | undefined): LeaderState {
  if (last === undefined) return { scaledOutAtMs: 0, scaledInAtMs: 0 }
  const { scaledOutAtMs, scaledInAtMs } = last.inputs
  return {
    // A record without instants is one whose writer knew none: as if it had just changed something.
    scaledOutAtMs: typeof scaledOutAtMs === 'number' ? scaledOutAtMs : last.atMs,
    scaledInAtMs: typeof scaledInAtMs === 'number' ? scaledInAtMs : last.atMs,
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

/** The memory with what was learned before; as it is when nothing was, or nothing that can be read. */
export async function loadLearnedState(
  ops: Pick<Ops, 'lastState'>,
  service: string,
  memory: LearnedState,
): Promise<LearnedState> {
  const { data } = learnedSchema.safeParse(await ops.lastState(service))
  // What this process has seen itself goes before.
  if (data === undefined || memory.forecast.week.length > 0) return memory
  const names = Object.keys(sumsOf(NO_LOAD))
  const sums = Object.fromEntries(names.map((name) => [name, data.load[name] ?? 0]))
  // Forecasts that fell due meanwhile have nothing to be compared with.
  const forecast = { ...data.forecast, pending: [] }
  return { ...memory, load: { ...memory.load, ...sums }, forecast }
}

/** Records what was learned for whoever comes next; samples are too old by then. */
export async function saveLearnedState(
  ops: Pick<Ops, 'record'>,
  service: string,
  { load, forecast }: LearnedState,
): Promise<void> {
  await ops.record(SUBJECTS.opsState(service), { load: sumsOf(load), forecast })
}

/** The load without its samples: sums that fade over hours. */
function sumsOf(load: LoadState): Omit<LoadState, 'samples'> {
  const { samples: _, ...sums } = load
  return sums
}
