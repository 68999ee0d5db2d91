import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of recovery. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    incidents: metrics.counter('incidents_total', 'Incidents by action.', ['action']),
    outcomes: metrics.counter('incident_outcomes_total', 'Closed incidents by outcome.', ['kind']),
    recovered: metrics.histogram(
      'incident_seconds',
      'Seconds from a death to the outcome of its incident.',
      ['kind'],
      [0.5, 1, 2, 5, 10, 20, 60, 120],
    ),
    quarantines: metrics.counter('quarantines_total', 'Quarantines of flapping nodes.'),
    quarantined: metrics.gauge('quarantined_nodes', 'Nodes in quarantine now.'),
    givenBack: metrics.counter(
      'pointers_given_back_total',
      'Pointers of dead nodes that recovery returned to their queues.',
    ),
    failover: metrics.histogram(
      'failover_seconds',
      'Seconds from a death until recovery returned the last pointer of the node.',
      [],
      [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 3, 10, 30],
    ),
    retries: metrics.counter(
      'death_retries_total',
      'Deaths that recovery could not handle, so that NATS delivers them again.',
    ),
  }
}

/** The metrics of recovery. */
export type RecoveryMetrics = ReturnType<typeof createMetrics>
