export { createClient } from './client.ts'
export type {
  Client,
  ClientOptions,
  DecisionQuery,
  FleetOptions,
  IncidentQuery,
  KeyOptions,
  ListQuery,
  RequestOptions,
  SubmitOptions,
  VersionOptions,
} from './client.ts'
export { ClientError } from './error.ts'
export type { FollowFrame } from './follow.ts'
export type { WatchFrame, WatchOptions } from './watch.ts'
