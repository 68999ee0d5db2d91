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

/** The key of Consul whose lock the leading autoscaler holds. */
export const LEADER_KEY = 'agentfleet/leader/autoscaler'
