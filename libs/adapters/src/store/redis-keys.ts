/** One kind of key in Redis. */
export interface RedisKey {
  /** The key, with a name in `<…>` for each part that differs. */
  readonly key: string
  readonly type: 'string' | 'hash' | 'set' | 'zset'
  readonly holds: string
  readonly writers: readonly string[]
  /** When the key goes away. */
  readonly ends: string
}

const COORDINATOR = ['coordinator']
const WORKER = ['worker']
const GATEWAY = ['gateway']

/**
 * Every key that the fleet writes to Redis, and nothing else (L8: all of it can be made again). The
 * scripts in this package name the same keys; an end-to-end test compares the table with a used Redis.
 */
export const REDIS_KEYS = {
  task: {
    key: 'task:<task>',
    type: 'string',
    holds:
      'log sequence, state and the record (JSON), without the texts of a submission above 8 kB; in front of a large record a preview on its own line',
    writers: COORDINATOR,
    ends: '`RETENTION_MS` after the task ended',
  },
  listing: {
    key: 'tasks:<tenant>:<state>',
    type: 'zset',
    holds: 'members `<submitted ms>:<task>`, all with score 0, so they sort by time',
    writers: COORDINATOR,
    ends: 'each member is removed when the record of its task has expired',
  },
  agentListing: {
    key: 'tasks:<tenant>:<state>:agent:<agent>',
    type: 'zset',
    holds: 'the members of the listing whose task names this agent',
    writers: COORDINATOR,
    ends: 'each member is removed when the record of its task has expired',
  },
  errorListing: {
    key: 'tasks:<tenant>:failed:error:<code>',
    type: 'zset',
    holds: 'the members of the listing of failed tasks that ended with this error code',
    writers: COORDINATOR,
    ends: 'each member is removed when the record of its task has expired',
  },
  agentNames: {
    key: 'tasks:<tenant>:agents',
    type: 'set',
    holds: 'the agents for which a listing of tasks exists',
    writers: COORDINATOR,
    ends: 'each name is removed when its listings are empty',
  },
  errorCodes: {
    key: 'tasks:<tenant>:errors',
    type: 'set',
    holds: 'the error codes for which a listing of failed tasks exists',
    writers: COORDINATOR,
    ends: 'each code is removed when its listing is empty',
  },
  tenants: {
    key: 'tenants',
    type: 'set',
    holds: 'the tenants that have tasks',
    writers: COORDINATOR,
    ends: 'never',
  },
  inflight: {
    key: 'inflight',
    type: 'hash',
    holds: 'in-flight notes: task → node and ack subject of its pointer (a hint, L6)',
    writers: ['load-balancer', 'recovery', ...COORDINATOR],
    ends: 'each field is removed when its task ends or its pointer is given back',
  },
  projection: {
    key: 'projection:2',
    type: 'string',
    holds:
      'the log sequence up to which Redis has all records; the 2 in the name stands for the version with lists by agent and error code',
    writers: COORDINATOR,
    ends: 'never',
  },
  usagePosition: {
    key: 'usage',
    type: 'string',
    holds: 'the log sequence up to which Redis has all usage',
    writers: COORDINATOR,
    ends: 'never',
  },
  usageFollowed: {
    key: 'usage:followed',
    type: 'hash',
    holds:
      '`atMs`: the time (clock of Redis) at which a coordinator had counted all usage in the log',
    writers: COORDINATOR,
    ends: 'never',
  },
  usage: {
    key: 'usage:<tenant>:<day>',
    type: 'hash',
    holds:
      'tokens, calls and cost by model, day and hour; the tenant `=` stands for the whole fleet',
    writers: COORDINATOR,
    ends: '400 days after the last change',
  },
  buckets: {
    key: 'limits:{<provider key>}',
    type: 'hash',
    holds:
      "buckets of requests and tokens of a provider's key or of a model at it, named by a digest",
    writers: WORKER,
    ends: 'a day after the last call',
  },
  calls: {
    key: 'limits:{<provider key>}:live',
    type: 'zset',
    holds: 'LLM calls under way; the score is the time at which a call no longer counts',
    writers: WORKER,
    ends: '30 s after the last call',
  },
  waiting: {
    key: 'limits:{<provider key>}:waiting',
    type: 'zset',
    holds: 'nodes that wait for the key of a provider; the score is the time of their last request',
    writers: WORKER,
    ends: 'a minute after the last request',
  },
  parked: {
    key: 'limits:{<provider key>}:parked',
    type: 'zset',
    holds:
      'tenants with calls that gave up their slot; the score is the time at which the last such call returns',
    writers: WORKER,
    ends: 'a minute after the last return',
  },
  nodes: {
    key: 'limits:nodes',
    type: 'zset',
    holds: 'nodes that are alive and share the limits; the score is the time of their last message',
    writers: WORKER,
    ends: 'a minute after the last message',
  },
  budgetCalls: {
    key: 'limits:budget:{<tenant>}',
    type: 'zset',
    holds: 'calls under way of a tenant with a budget, by the end of what each has set aside',
    writers: WORKER,
    ends: 'a day after the last call',
  },
  budgetHeld: {
    key: 'limits:budget:{<tenant>}:held',
    type: 'hash',
    holds:
      'tokens and cost that are set aside for each call under way of the tenant, and their sums',
    writers: WORKER,
    ends: 'a day after the last call',
  },
  callerRate: {
    key: 'callers:{<key>}',
    type: 'hash',
    holds: 'requests that a key of the API may still send',
    writers: GATEWAY,
    ends: 'two minutes after the last request',
  },
  callerOpen: {
    key: 'callers:{<key>}:open',
    type: 'zset',
    holds:
      'open requests and streams of an API key; the score is the time at which an entry no longer counts',
    writers: GATEWAY,
    ends: '15 s after the last request or renewal',
  },
  ticket: {
    key: 'ticket:<digest>',
    type: 'string',
    holds: 'the key for which a ticket was made, with its rights',
    writers: GATEWAY,
    ends: 'at its first use, or after 30 s',
  },
} as const satisfies Readonly<Record<string, RedisKey>>

/** The key of this kind, with its parts filled in. */
export function redisKey(kind: keyof typeof REDIS_KEYS, ...parts: readonly string[]): string {
  const rest = [...parts]
  return REDIS_KEYS[kind].key.replaceAll(/<[^>]+>/g, () => rest.shift() ?? '')
}
