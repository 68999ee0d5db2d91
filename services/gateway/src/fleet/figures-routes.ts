import type { Bus } from '@agentfleet/adapters'
import { given, limitOf, SERIES_STEPS, type TenantLimits } from '@agentfleet/domain'
import {
  CHANNELS,
  type ChosenSeries,
  type FilledQueryOf,
  type QueueList,
  type SeriesPoint,
  type StatsFigure,
} from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal, wrongField } from '../http/problems.ts'
import { instantOf } from '../lists/filters.ts'
import { isoTime } from '../tasks/views.ts'

interface FiguresRouteDeps {
  readonly bus: Pick<Bus, 'ask'>
  readonly limits: TenantLimits
  readonly operators: ReadonlySet<string>
  readonly clock: { nowMs(): number }
}

type StatsPoint = ChosenSeries['series'][number]['points'][number]

type StatsFields = FilledQueryOf<'getStats', 'step' | 'scope'>

/** Milliseconds. A coordinator answers at once from memory, but its replacement by another may take seconds. */
const ANSWER_WITHIN_MS = 3_000
/** Steps of one answer: a day of minutes, about half a megabyte. */
const STEPS_MAX = 1_440
/** Steps of one answer with groups, of which there are up to 20. */
const GROUPED_STEPS_MAX = 360
/** Steps of an answer to a request without `from`. */
const STEPS_DEFAULT = 60

const NOT_COUNTED = new Refusal(
  'coordinator-unavailable',
  'No coordinator has answered; a coordinator reads the log before it answers for the first time. Send the request again after Retry-After seconds.',
)

/** Creates the handlers of `/v1/stats` and `/v1/queues` by operationId. */
export function figuresRoutes({ bus, limits, operators, clock }: FiguresRouteDeps) {
  /** The tenant to ask for; undefined: the whole fleet. */
  function tenantIn(request: FastifyRequest, scope: StatsFields['scope']): { tenant?: string } {
    if (scope === 'tenant') return { tenant: request.tenant }
    if (operators.has(request.tenant)) return {}
    throw new Refusal(
      'operators-only',
      'Only operators may read figures of the whole fleet. Omit scope to read your own figures.',
    )
  }

  return {
    async getStats(request: FastifyRequest): Promise<ChosenSeries> {
      const { step, groupBy, scope, series: chosen, ...fields } = request.query as StatsFields
      const range = rangeOf(fields, step, groupBy !== undefined, clock.nowMs())
      const whose = tenantIn(request, scope)
      const group = given({ groupBy })
      const question = { ...whose, ...range, step, ...group }
      const answer = await bus.ask(CHANNELS.series, question, ANSWER_WITHIN_MS)
      if (answer.kind !== 'reply' || answer.body.kind !== 'series') throw NOT_COUNTED
      const { knownFromMs, series } = answer.body
      return {
        scope,
        ...whose,
        step,
        ...group,
        from: isoTime(range.fromMs),
        to: isoTime(range.toMs),
        knownFrom: isoTime(Math.max(range.fromMs, Math.min(knownFromMs, range.toMs))),
        series: series.map(({ key, points }) => ({
          ...given({ key }),
          points: points.map((point) => pointView(point, chosen)),
        })),
      }
    },
    async listQueues(request: FastifyRequest): Promise<QueueList> {
      const { scope } = request.query as Pick<StatsFields, 'scope'>
      const whose = tenantIn(request, scope)
      const answer = await bus.ask(CHANNELS.queues, whose, ANSWER_WITHIN_MS)
      if (answer.kind !== 'reply' || answer.body.kind !== 'queues') throw NOT_COUNTED
      const queues = answer.body.queues.map(({ oldestAtMs, ...queue }) => {
        const { weight, concurrency } = limitOf(limits, queue.tenant)
        return {
          ...queue,
          weight,
          ...given({ concurrency }),
          ...(oldestAtMs === undefined ? {} : { oldestQueuedAt: isoTime(oldestAtMs) }),
        }
      })
      return { scope, ...whose, at: isoTime(answer.body.atMs), queues }
    },
  }
}

/** A point with the chosen figures; undefined: with all. */
function pointView(
  { atMs, ...figures }: SeriesPoint,
  chosen: readonly StatsFigure[] | undefined,
): StatsPoint {
  const shown = Object.entries(figures).filter(
    ([name, value]) =>
      value !== undefined && (chosen === undefined || chosen.some((one) => one === name)),
  )
  return { at: isoTime(atMs), ...Object.fromEntries(shown) }
}

function rangeOf(
  { from, to }: Pick<StatsFields, 'from' | 'to'>,
  step: StatsFields['step'],
  grouped: boolean,
  nowMs: number,
): { readonly fromMs: number; readonly toMs: number } {
  const { stepMs } = SERIES_STEPS[step]
  const endMs = instantOf(to, 'to', 'query') ?? nowMs
  const toMs = Math.ceil(endMs / stepMs) * stepMs
  const startMs = instantOf(from, 'from', 'query') ?? toMs - STEPS_DEFAULT * stepMs
  const fromMs = Math.floor(startMs / stepMs) * stepMs
  const steps = (toMs - fromMs) / stepMs
  const most = grouped ? GROUPED_STEPS_MAX : STEPS_MAX
  if (steps >= 1 && steps <= most) return { fromMs, toMs }
  throw wrongField('query/from', `must be 1 to ${most} steps of ${step} before the time in to`)
}
