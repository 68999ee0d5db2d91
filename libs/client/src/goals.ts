import type {
  GoalRequest,
  GoalView,
  ScheduleList,
  ScheduleRequest,
  ScheduleTicks,
  ScheduleView,
} from '@agentfleet/protocol'
import { allPages } from './pages.ts'
import { queryOf } from './lists.ts'
import {
  pathPart,
  versionedCalls,
  type SendCall,
  type KeyOptions,
  type RequestOptions,
  type VersionOptions,
} from './request.ts'

/** Goals and schedules: work that the fleet itself turns into tasks. */
export interface GoalClient {
  submitGoal(goal: GoalRequest, options?: KeyOptions): Promise<GoalView>
  goal(id: string, options?: RequestOptions): Promise<GoalView>
  /** Runs the plan of a goal that was submitted with `run: false`. */
  runGoal(id: string, options?: RequestOptions): Promise<GoalView>
  /** All schedules, read page by page. */
  schedules(options?: RequestOptions): Promise<ScheduleView[]>
  schedule(name: string, options?: RequestOptions): Promise<ScheduleView>
  /**
   * Makes the schedule, or replaces the whole of it, if `ifVersion` is absent or the current version (0: only
   * if none exists).
   */
  putSchedule(
    name: string,
    schedule: ScheduleRequest,
    options?: VersionOptions,
  ): Promise<ScheduleView>
  deleteSchedule(name: string, options?: VersionOptions): Promise<void>
  /** The next ticks of a schedule, and its last ticks with their tasks. */
  scheduleTicks(
    name: string,
    options?: RequestOptions & { readonly count?: number },
  ): Promise<ScheduleTicks>
}

/** The methods of goals and schedules over these calls. */
export function goalClient(call: SendCall): GoalClient {
  const goalPath = (id: string) => `/v1/goals/${pathPart(id)}`
  const schedulePath = (name: string) => `/v1/schedules/${pathPart(name)}`
  const schedules = versionedCalls(call, schedulePath)
  return {
    submitGoal: (goal, { signal, idempotencyKey } = {}) =>
      call('/v1/goals', {
        method: 'POST',
        body: idempotencyKey === undefined ? goal : { ...goal, idempotencyKey },
        signal,
      }),
    goal: (id, { signal } = {}) => call(goalPath(id), { signal }),
    runGoal: (id, { signal } = {}) => call(`${goalPath(id)}/run`, { method: 'POST', signal }),
    schedules: ({ signal } = {}) =>
      allPages<ScheduleView, string>(undefined, async (cursor) => {
        const page = await call<ScheduleList>(`/v1/schedules${queryOf({ cursor })}`, { signal })
        return { items: page.schedules, next: page.nextCursor }
      }),
    schedule: (name, { signal } = {}) => call(schedulePath(name), { signal }),
    putSchedule: schedules.put,
    deleteSchedule: schedules.remove,
    scheduleTicks: (name, { signal, ...query } = {}) =>
      call(`${schedulePath(name)}/ticks${queryOf(query)}`, { signal }),
  }
}
