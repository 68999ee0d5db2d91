import type {
  ChosenSeries,
  QueryOf,
  QueueList,
  StatsFigure,
  TaskSeries,
  TenantLimitsView,
} from '@agentfleet/protocol'
import { queryOf } from './lists.ts'
import type { SendCall, RequestOptions } from './request.ts'

/** Options of the figures over time. */
export type StatsQuery = RequestOptions & Omit<QueryOf<'getStats'>, 'series'>

/** The part of the client that reads figures. */
export interface FiguresClient {
  /** Chosen figures of what happened to tasks over time. */
  stats(query: StatsQuery & { readonly series: readonly StatsFigure[] }): Promise<ChosenSeries>
  /** What happened to tasks over time. */
  stats(query?: StatsQuery): Promise<TaskSeries>
  /** How many tasks wait for a node, by tenant and priority. */
  queues(scope?: 'tenant' | 'fleet', options?: RequestOptions): Promise<QueueList>
  /** The limits of the caller's tenant, and how much of each it uses. */
  limits(options?: RequestOptions): Promise<TenantLimitsView>
}

/** The methods over these calls. */
export function figuresClient(call: SendCall): FiguresClient {
  return {
    stats({ signal, ...query }: StatsQuery = {}) {
      return call<TaskSeries>(`/v1/stats${queryOf({ ...query })}`, { signal })
    },
    limits: ({ signal } = {}) => call('/v1/limits', { signal }),
    queues: (scope, { signal } = {}) => call(`/v1/queues${queryOf({ scope })}`, { signal }),
  }
}
