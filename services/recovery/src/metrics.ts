import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of recovery. */
export function createMetrics(registry: ServiceContext['registry']) {
  const { counter, gauge, histogram } = metricsOf(registry)
  return {
    incidents: counter('incidents_total', 'the number of incidents (deaths of nodes) by action', [
      'action',
    ]),
    outcomes: counter('incident_outcomes_total', 'the number of closed incidents by outcome', [
      'kind',
    ]),
    recovered: histogram(
      'incident_seconds',
      'the number of seconds from the death of a node to the outcome of its incident',
      ['kind'],
      [0.5, 1, 2, 5, 10, 20, 60, 120],
    ),
    quarantines: counter(
      'quarantines_total',
      'the number of times that recovery put an unstable node in quarantine',
    ),
    quarantined: gauge('quarantined_nodes', 'the number of nodes that are in quarantine now'),
    givenBack: counter(
      'pointers_given_back_total',
      'the number of tasks of dead nodes whose pointers recovery returned to their queues',
    ),
    failover: histogram(
      'failover_seconds',
      'the number of seconds from the death of a node until recovery returned its last pointer to the queue',
      [],
      [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 3, 10, 30],
    ),
    retries: counter(
      'death_retries_total',
      'the number of messages about dead nodes that recovery could not handle, so that NATS delivers them again',
    ),
  }
}

/** The metrics of recovery. */
export type RecoveryMetrics = ReturnType<typeof createMetrics>
