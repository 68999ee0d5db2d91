/** One kind of key in Redis. */
interface RedisKey {
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
      'The string holds the log sequence, the state and the record (JSON) of the task. The record leaves out the texts of a submission above 8 kB. A line with a preview precedes a large record.',
    writers: COORDINATOR,
    ends: 'The key expires `RETENTION_MS` after the task ended.',
  },
  listing: {
    key: 'tasks:<tenant>:<state>',
    type: 'zset',
    holds:
      'The sorted set holds the tasks of the tenant in the state as members `<submitted ms>:<task>`; all members have the score 0, so Redis sorts them by time.',
    writers: COORDINATOR,
    ends: 'The coordinator removes a member when the record of its task has expired.',
  },
  agentListing: {
    key: 'tasks:<tenant>:<state>:agent:<agent>',
    type: 'zset',
    holds:
      'The sorted set holds the tasks of the tenant in the state that name the agent, as members `<submitted ms>:<task>`.',
    writers: COORDINATOR,
    ends: 'The coordinator removes a member when the record of its task has expired.',
  },
  errorListing: {
    key: 'tasks:<tenant>:failed:error:<code>',
    type: 'zset',
    holds:
      'The sorted set holds the failed tasks of the tenant that ended with the error code, as members `<submitted ms>:<task>`.',
    writers: COORDINATOR,
    ends: 'The coordinator removes a member when the record of its task has expired.',
  },
  agentNames: {
    key: 'tasks:<tenant>:agents',
    type: 'set',
    holds: 'The set holds the agents that the tasks of the tenant name.',
    writers: COORDINATOR,
    ends: 'The coordinator removes a name when no stored task names the agent.',
  },
  errorCodes: {
    key: 'tasks:<tenant>:errors',
    type: 'set',
    holds: 'The set holds the error codes with which tasks of the tenant failed.',
    writers: COORDINATOR,
    ends: 'The coordinator removes a code when no stored task failed with it.',
  },
  tenants: {
    key: 'tenants',
    type: 'set',
    holds: 'The set holds the tenants that have stored tasks.',
    writers: COORDINATOR,
    ends: 'The key never expires.',
  },
  inflight: {
    key: 'inflight',
    type: 'hash',
    holds:
      'The hash holds in-flight notes: which node runs a task, and the ack subject of its pointer; a lost note only delays the task (L6).',
    writers: ['load-balancer', 'recovery', ...COORDINATOR],
    ends: 'A service removes a field when its task ends or when its pointer returns to the queue.',
  },
  projection: {
    key: 'projection:2',
    type: 'string',
    holds:
      'The string holds the log sequence up to which Redis has all records; the 2 in the key is the version of the stored data.',
    writers: COORDINATOR,
    ends: 'The key never expires.',
  },
  usagePosition: {
    key: 'usage',
    type: 'string',
    holds: 'The string holds the log sequence up to which Redis has all usage.',
    writers: COORDINATOR,
    ends: 'The key never expires.',
  },
  usageFollowed: {
    key: 'usage:followed',
    type: 'hash',
    holds:
      'The hash holds the last time (`atMs`, by the clock of Redis) at which a coordinator had counted all usage in the log.',
    writers: COORDINATOR,
    ends: 'The key never expires.',
  },
  usage: {
    key: 'usage:<tenant>:<day>',
    type: 'hash',
    holds:
      'The hash holds tokens, calls and cost of a day by model, agent and hour; the key with the tenant `=` has the usage of all tenants.',
    writers: COORDINATOR,
    ends: 'The key expires 400 days after its last change.',
  },
  usageGroup: {
    key: 'usage:<tenant>:<day>:<group>',
    type: 'hash',
    holds:
      'The hash holds tokens, calls and cost of a day by the values of one metadata key (the group `metadata.KEY`), or by tenant (the group `tenant` of the tenant `=`).',
    writers: COORDINATOR,
    ends: 'The key expires 400 days after its last change.',
  },
  buckets: {
    key: 'limits:{<provider key>}',
    type: 'hash',
    holds:
      'The hash holds the token buckets for requests and tokens, either of a key of a provider or of one model with this key; a digest names the key.',
    writers: WORKER,
    ends: 'The key expires a day after the last call.',
  },
  calls: {
    key: 'limits:{<provider key>}:live',
    type: 'zset',
    holds:
      'The sorted set holds the LLM calls that run now; the score is the time after which a call no longer counts.',
    writers: WORKER,
    ends: 'The key expires 30 s after the last call.',
  },
  waiting: {
    key: 'limits:{<provider key>}:waiting',
    type: 'zset',
    holds:
      'The sorted set holds the nodes that wait for the key of a provider; the score is the time of the last request of the node.',
    writers: WORKER,
    ends: 'The key expires a minute after the last request.',
  },
  parked: {
    key: 'limits:{<provider key>}:parked',
    type: 'zset',
    holds:
      'The sorted set holds the tenants with calls that gave up their slot to wait; the score is the time at which the last of these calls tries again.',
    writers: WORKER,
    ends: 'The key expires a minute after the last call has tried again.',
  },
  nodes: {
    key: 'limits:nodes',
    type: 'zset',
    holds:
      'The sorted set holds the living nodes, which share the limits; the score is the time of the last message of the node.',
    writers: WORKER,
    ends: 'The key expires a minute after the last message.',
  },
  budgetCalls: {
    key: 'limits:budget:{<tenant>}',
    type: 'zset',
    holds:
      'The sorted set holds the running calls of a tenant with a budget; the score is the time until which a call reserves a part of the budget.',
    writers: WORKER,
    ends: 'The key expires a day after the last call.',
  },
  budgetHeld: {
    key: 'limits:budget:{<tenant>}:held',
    type: 'hash',
    holds:
      'The hash holds the tokens and the cost that each running call of the tenant reserves, and their sums.',
    writers: WORKER,
    ends: 'The key expires a day after the last call.',
  },
  callerRate: {
    key: 'callers:{<key>}',
    type: 'hash',
    holds: 'The hash holds the number of requests that a key of the API may still send.',
    writers: GATEWAY,
    ends: 'The key expires two minutes after the last request.',
  },
  callerOpen: {
    key: 'callers:{<key>}:open',
    type: 'zset',
    holds:
      'The sorted set holds the open requests and streams of an API key; the score is the time after which an entry no longer counts.',
    writers: GATEWAY,
    ends: 'The key expires 15 s after the last request or renewal.',
  },
  ticket: {
    key: 'ticket:<digest>',
    type: 'string',
    holds:
      'The string holds the API key with which a client got a ticket, and the rights of this key.',
    writers: GATEWAY,
    ends: 'The key disappears at the first use of the ticket, or after 30 s.',
  },
} as const satisfies Readonly<Record<string, RedisKey>>

/** The key of this kind, with its parts filled in. */
export function redisKey(kind: keyof typeof REDIS_KEYS, ...parts: readonly string[]): string {
  const rest = [...parts]
  return REDIS_KEYS[kind].key.replaceAll(/<[^>]+>/g, () => rest.shift() ?? '')
}
