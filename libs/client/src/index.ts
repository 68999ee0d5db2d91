export { createClient } from './client.ts'
export type { Client, ClientOptions, ListQuery, RequestOptions, SubmitOptions } from './client.ts'
export { ClientError } from './error.ts'
export type { WatchFrame, WatchOptions } from './watch.ts'
