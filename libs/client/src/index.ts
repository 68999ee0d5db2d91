export type { AuditQuery, KeyClient, KeyQuery } from './keys.ts'
export { createClient } from './client.ts'
export type {
  Client,
  ClientOptions,
  DecisionQuery,
  FleetOptions,
  IncidentQuery,
  SubmitOptions,
  UsageQuery,
} from './client.ts'
export type { CountQuery, EventsQuery, ListClient, ListQuery, TaskFilters } from './lists.ts'
export type { FiguresClient, StatsQuery } from './figures.ts'
export { ClientError } from './error.ts'
export type { FollowFrame } from './follow.ts'
export type { GoalClient } from './goals.ts'
export { createProgress } from './pages.ts'
export type { FollowOptions } from './reconnect.ts'
export type { KeyOptions, RequestOptions, VersionOptions } from './request.ts'
export type { WatchFrame, WatchOptions } from './watch.ts'
