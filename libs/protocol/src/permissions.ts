/**
 * What each service may say and hear on the bus (L9): one NATS user per service, everything else
 * denied. The one-machine fleet, docker-compose.yml and k8s/ make their server configuration of it.
 */

/** Names of the services that have a NATS user. */
export const SERVICES = [
  'gateway',
  'coordinator',
  'load-balancer',
  'worker',
  'health-monitor',
  'autoscaler',
  'recovery',
] as const
/** One of the seven services. */
export type ServiceName = (typeof SERVICES)[number]

/** Subjects a user may publish and subscribe to. */
export interface Permissions {
  readonly publish: { readonly allow: readonly string[] }
  readonly subscribe: { readonly allow: readonly string[] }
}

/** Each service has inboxes of its own: `_INBOX.>` would let it read the answers of the others. */
export function inboxPrefix(service: ServiceName): string {
  return `_INBOX_${service}`
}

/**
 * What a worker may do in Redis (L9), as an ACL rule: count the limits that nodes share, and look at the
 * totals that budgets are kept by. It cannot read a task, nor say that one has used less.
 */
export const WORKER_REDIS_RULES =
  '~limits:* %R~usage:* resetchannels -@all +ping +info +hello +client +eval +evalsha +time +hmget ' +
  '+hset +hget +hdel +hincrby +pexpire +zadd +zrem +zcard +zremrangebyscore +zrangebyscore'

const PUBLISH: Record<ServiceName, readonly string[]> = {
  gateway: [
    'log.*',
    'tasks.>',
    'balancer.handover',
    'balancer.waiting',
    'agents.*.*',
    'coordinator.cancel',
    'coordinator.approve',
    'schedules.def.*.*',
    '$JS.API.DIRECT.GET.SCHEDULES',
    '$JS.API.STREAM.INFO.SCHEDULES',
    '$JS.API.DIRECT.GET.LOG',
    '$JS.API.DIRECT.GET.LOG.>',
    // A long history is read through a consumer of its one subject.
    '$JS.API.CONSUMER.CREATE.LOG.*.log.*',
    '$JS.API.CONSUMER.MSG.NEXT.LOG.*',
    '$JS.API.STREAM.INFO.LOG',
    '$JS.API.STREAM.INFO.TASKS',
    '$JS.API.STREAM.INFO.OPS',
    '$JS.API.DIRECT.GET.OPS',
    '$JS.API.CONSUMER.CREATE.OPS',
    '$JS.API.CONSUMER.MSG.NEXT.OPS.*',
    '$JS.API.STREAM.INFO.AGENTS',
    '$JS.API.DIRECT.GET.AGENTS',
    '$JS.API.DIRECT.GET.AGENTS.>',
    '$JS.API.CONSUMER.CREATE.AGENTS',
    '$JS.API.CONSUMER.CREATE.AGENTS.*',
    '$JS.API.CONSUMER.MSG.NEXT.AGENTS.*',
  ],
  // The one writer of history also keeps the streams: it makes them, trims LOG, takes pointers back.
  coordinator: [
    'log.*',
    'tasks.>',
    'balancer.waiting',
    'node.*.stop',
    'fleet.stop',
    'fleet.runs',
    '$JS.API.INFO',
    '$JS.API.STREAM.CREATE.*',
    '$JS.API.STREAM.UPDATE.*',
    '$JS.API.STREAM.INFO.*',
    '$JS.API.STREAM.PURGE.LOG',
    'schedules.ran.*.*',
    '$JS.API.STREAM.PURGE.SCHEDULES',
    '$JS.API.DIRECT.GET.SCHEDULES',
    '$JS.API.CONSUMER.DELETE.SCHEDULES.>',
    '$JS.API.CONSUMER.MSG.NEXT.SCHEDULES.>',
    '$JS.API.STREAM.MSG.DELETE.TASKS',
    '$JS.API.DIRECT.GET.LOG',
    '$JS.API.DIRECT.GET.LOG.>',
    '$JS.API.DIRECT.GET.TASKS',
    '$JS.API.DIRECT.GET.TASKS.>',
    '$JS.API.CONSUMER.CREATE.>',
    '$JS.API.CONSUMER.INFO.>',
    '$JS.API.CONSUMER.DELETE.LOG.>',
    '$JS.API.CONSUMER.DELETE.TASKS.*',
    '$JS.API.CONSUMER.MSG.NEXT.LOG.>',
    '$JS.FC.>',
  ],
  'load-balancer': [
    'node.*.dispatch',
    'tasks.>',
    'fleet.balancer',
    'fleet.tenants',
    'balancer.waiting',
    'ops.decision.load-balancer',
    'ops.outcome.load-balancer',
    // It makes the consumers of tenants as they come and removes those that are idle. The filter
    // stands in the subject, so it can make none of anything else.
    '$JS.API.CONSUMER.CREATE.TASKS.*.tasks.*.*.>',
    '$JS.API.CONSUMER.DELETE.TASKS.*',
    '$JS.API.CONSUMER.LIST.TASKS',
    '$JS.API.CONSUMER.MSG.NEXT.TASKS.>',
    '$JS.API.CONSUMER.INFO.TASKS.>',
    '$JS.ACK.TASKS.>',
  ],
  worker: [
    'node.*.heartbeat',
    'node.*.load',
    'delta.*',
    'coordinator.report',
    '$JS.ACK.TASKS.>',
    '_INBOX_load-balancer.>',
    '_INBOX_health-monitor.>',
    '_INBOX_autoscaler.>',
    '_INBOX_coordinator.>',
  ],
  'health-monitor': [
    'ops.node.*',
    'ops.decision.health-monitor',
    'node.*.ping',
    'node.*.drain',
    'fleet.snapshot',
    'fleet.history',
    '$JS.API.CONSUMER.LIST.TASKS',
    '$JS.API.STREAM.INFO.TASKS',
    '$JS.API.DIRECT.GET.OPS',
  ],
  autoscaler: [
    'ops.decision.autoscaler',
    'ops.outcome.autoscaler',
    'ops.state.autoscaler',
    'node.*.drain',
    '$JS.API.DIRECT.GET.OPS',
    '$JS.API.DIRECT.GET.OPS.>',
  ],
  recovery: [
    'ops.incident.*',
    'ops.decision.recovery',
    'ops.outcome.recovery',
    'node.*.drain',
    'coordinator.cancel',
    '$JS.API.DIRECT.GET.OPS',
    '$JS.API.DIRECT.GET.OPS.>',
    '$JS.API.CONSUMER.MSG.NEXT.OPS.recovery',
    '$JS.ACK.OPS.>',
    '$JS.ACK.TASKS.>',
  ],
}

const SUBSCRIBE: Record<ServiceName, readonly string[]> = {
  gateway: ['live.*', 'live.>', 'delta.*', 'fleet.snapshot', 'fleet.history', 'fleet.balancer'],
  coordinator: ['coordinator.report', 'coordinator.cancel', 'coordinator.approve'],
  'load-balancer': [
    'node.*.heartbeat',
    'node.*.load',
    'fleet.snapshot',
    'fleet.balancer',
    'balancer.handover',
    'balancer.waiting',
  ],
  worker: [
    'node.*.dispatch',
    'node.*.ping',
    'node.*.stop',
    'node.*.drain',
    'fleet.stop',
    'fleet.runs',
    'fleet.tenants',
  ],
  'health-monitor': ['node.*.heartbeat', 'fleet.snapshot', 'fleet.history'],
  autoscaler: ['fleet.snapshot'],
  recovery: ['fleet.snapshot'],
}

/** Answers go to the inbox of whoever asked, so responders may publish to inboxes of those only. */
const ANSWERS: Partial<Record<ServiceName, readonly string[]>> = {
  coordinator: ['_INBOX_worker.>', '_INBOX_gateway.>'],
}

/** The permissions of one service's user. */
export function permissionsOf(service: ServiceName): Permissions {
  return {
    publish: { allow: [...PUBLISH[service], ...(ANSWERS[service] ?? [])] },
    subscribe: { allow: [...SUBSCRIBE[service], `${inboxPrefix(service)}.>`] },
  }
}
