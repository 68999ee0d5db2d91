import type { Level } from '@agentfleet/domain'

/** Most pointers that may be unacked at once: 100,000 in flight with room to spare. */
export const POINTERS_OUT_MAX = 250_000
/**
 * The server recognises a repeated append for this long, milliseconds. The writer recognises later ones by
 * reading the log; a longer window only costs memory.
 */
export const DUPLICATE_WINDOW_MS = 20_000
/** At this share of the log's size no new task is accepted, so that endings always find room (L7). */
export const LOG_ADMISSION_SHARE = 0.9
/** Largest message on the bus, bytes; nats-server is started with the same figure. */
export const PAYLOAD_MAX_BYTES = 8 * 1024 * 1024
/** A pointer carries its spec up to this size, bytes; larger ones are read from the log (fenced start). */
export const POINTER_SPEC_MAX_BYTES = 8 * 1024
/** Versions of an agent's definition that are kept. */
export const AGENT_VERSIONS_MAX = 20
/** Every gateway holds all definitions in its memory, which bounds their size, bytes. */
export const AGENTS_MAX_BYTES = 64 * 1024 * 1024
/** Room for some ten thousand schedules, bytes. */
export const SCHEDULES_MAX_BYTES = 128 * 1024 * 1024
/** Largest result or journaled call, bytes. */
export const RESULT_MAX_BYTES = 1024 * 1024
/**
 * Largest journal of a run, bytes: with the largest spec and the inputs it fits into the message with which another
 * node resumes the run. Prompts of a million tokens are smaller.
 */
export const JOURNAL_MAX_BYTES = 5 * 1024 * 1024

/** Names of the streams. */
export const STREAMS = {
  log: 'LOG',
  tasks: 'TASKS',
  ops: 'OPS',
  agents: 'AGENTS',
  schedules: 'SCHEDULES',
  keys: 'KEYS',
  audit: 'AUDIT',
} as const
/** The name of a stream. */
export type StreamName = (typeof STREAMS)[keyof typeof STREAMS]

/**
 * The queue of a pointer: the tasks of its priority that wait for a node, or the tasks that were handed over
 * without a pointer and run for longer than a moment.
 */
export type PointerQueue = Level | 'running'

/** The tasks of one tenant that wait with one priority. */
export interface TenantQueue {
  readonly tenant: string
  readonly priority: Level
}

/** A durable consumer of TASKS with its filter; no two filters overlap. */
export interface PointerConsumer {
  readonly name: string
  readonly filter: string
}

/** The consumer of the pointers of running tasks, of all tenants; it always exists. */
export const RUNNING_CONSUMER: PointerConsumer = {
  name: 'balance-running',
  filter: 'tasks.running.>',
}

/** The consumer of one tenant's waiting tasks of one priority; made when the tenant has some. */
export function waitingConsumer({ tenant, priority }: TenantQueue): PointerConsumer {
  return { name: `balance-${priority}-${tenant}`, filter: `tasks.${priority}.${tenant}.>` }
}

/** The tenant of a consumer; undefined for the queue of running tasks. */
export function queueOfConsumer(name: string): TenantQueue | undefined {
  const match = /^balance-(low|medium|high)-(.+)$/.exec(name)
  const [, priority, tenant] = match ?? []
  if (priority === undefined || tenant === undefined) return undefined
  return { priority: priority as Level, tenant }
}

/** Durable consumer of deaths: exactly one recovery service handles each. */
export const DEATH_CONSUMER = 'recovery'
