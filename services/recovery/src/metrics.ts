import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** What recovery counts. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    incidents: metrics.counter('incidents_total', 'Incidents, by what was done.', ['action']),
    givenBack: metrics.counter('pointers_given_back_total', 'Pointers of dead nodes given back.'),
    failover: metrics.histogram(
      'failover_seconds',
      'From a verdict to the last pointer given back.',
      [],
      [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 3, 10, 30],
    ),
    retries: metrics.counter('verdict_retries_total', 'Verdicts left for another delivery.'),
  }
}

/** The metrics of recovery. */
export type RecoveryMetrics = ReturnType<typeof createMetrics>
