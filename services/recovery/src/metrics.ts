import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of recovery. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    incidents: metrics.counter(
      'incidents_total',
      'The metric is the number of incidents (deaths of nodes) by action.',
      ['action'],
    ),
    outcomes: metrics.counter(
      'incident_outcomes_total',
      'The metric is the number of closed incidents by outcome.',
      ['kind'],
    ),
    recovered: metrics.histogram(
      'incident_seconds',
      'The metric is the number of seconds from the death of a node to the outcome of its incident.',
      ['kind'],
      [0.5, 1, 2, 5, 10, 20, 60, 120],
    ),
    quarantines: metrics.counter(
      'quarantines_total',
      'The metric is the number of times that recovery put an unstable node in quarantine.',
    ),
    quarantined: metrics.gauge(
      'quarantined_nodes',
      'The metric is the number of nodes that are in quarantine now.',
    ),
    givenBack: metrics.counter(
      'pointers_given_back_total',
      'The metric is the number of tasks of dead nodes whose pointers recovery returned to their queues.',
    ),
    failover: metrics.histogram(
      'failover_seconds',
      'The metric is the number of seconds from the death of a node until recovery returned its last pointer to the queue.',
      [],
      [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 3, 10, 30],
    ),
    retries: metrics.counter(
      'death_retries_total',
      'The metric is the number of messages about dead nodes that recovery could not handle, so that NATS delivers them again.',
    ),
  }
}

/** The metrics of recovery. */
export type RecoveryMetrics = ReturnType<typeof createMetrics>
