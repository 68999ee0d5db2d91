/**
 * The rights of each service in Redis (L9), as an ACL rule: its keys, and the commands of its scripts on
 * them. Only the coordinator, which fills the projection, writes records and totals.
 */
import type { ServiceName } from './services.ts'

/** The services that use Redis. */
export const REDIS_SERVICES = [
  'gateway',
  'coordinator',
  'load-balancer',
  'worker',
  'recovery',
] as const satisfies readonly ServiceName[]
type RedisService = (typeof REDIS_SERVICES)[number]

/**
 * A connection of the client library says hello and asks whether Redis has loaded its data. CLIENT is not among its
 * commands: with it a service could pause Redis, end the connections of others and read what they do.
 */
const CONNECT = 'resetchannels -@all +ping +info +hello'

/** The ACL rule of each service's Redis user. */
export const REDIS_RULES: Readonly<Record<RedisService, string>> = {
  // It reads records, listings, in-flight notes, totals, the mark of the projection, and what calls under way set aside of
  // budgets; it counts the limits of keys and keeps tickets.
  gateway:
    '%R~task:* %R~tasks:* %R~inflight %R~projection:2 %R~usage:* %R~limits:budget:* ~callers:* ~ticket:* ' +
    `${CONNECT} +get +mget +getrange +zrevrangebylex +zrangebylex +zlexcount +smembers +hmget +hgetall ` +
    '+eval +evalsha +time +hset +pexpire +zadd +zrem +zcard +zremrangebyscore +zcount +zrangebyscore +set +getdel',
  // It writes the projection and the usage totals, and deletes old entries of the projection.
  coordinator:
    '~task:* ~tasks:* ~tenants ~inflight ~projection:2 ~usage ~usage:* ' +
    `${CONNECT} +eval +evalsha +time +get +set +mget +getrange +sadd +smembers +zadd +zrem ` +
    '+zrangebylex +srem +exists +hmget +hget +hset +hdel +hincrby +pexpire',
  // It notes where tasks run.
  'load-balancer': `~inflight ${CONNECT} +hset`,
  // It counts the limits that nodes share, and reads the totals with which budgets are compared. It can neither
  // read a task nor change a total.
  worker:
    `~limits:* %R~usage:* ${CONNECT} +eval +evalsha +time +hmget +hset +hget +hdel +hincrby +pexpire ` +
    '+zadd +zrem +zcard +zscore +zremrangebyscore +zrangebyscore',
  // It reads the notes and records of a dead node's tasks and drops notes.
  recovery: `~inflight %R~task:* ${CONNECT} +eval +evalsha +mget +hmget +hscan +hget +hdel`,
}
