import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the coordinator. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    events: metrics.counter('events_total', 'Events read from the log.', ['type']),
    reports: metrics.counter('reports_total', 'Reports of nodes by outcome.', ['op', 'outcome']),
    batch: metrics.histogram(
      'report_batch_size',
      'Number of reports in one message of a node.',
      [],
      [1, 2, 5, 10, 20, 50, 100, 200, 500],
    ),
    issued: metrics.counter(
      'pointers_issued_total',
      'Pointers that the follower issued because they were missing.',
    ),
    expired: metrics.counter(
      'tasks_expired_total',
      'Tasks that failed because their deadline passed.',
    ),
    rebuilds: metrics.counter(
      'projection_rebuilds_total',
      'How often the coordinator wrote all records to Redis again.',
    ),
    observe(read: { unfinished(): number; inReport(): number; position(): number }) {
      metrics.gaugeOf('tasks_unfinished', 'Unfinished tasks.', read.unfinished)
      metrics.gaugeOf(
        'reports_in_flight',
        'Reports that the coordinator handles at the moment.',
        read.inReport,
      )
      metrics.gaugeOf(
        'log_position',
        'Last log sequence that the follower has read.',
        read.position,
      )
    },
  }
}

/** The metrics of a coordinator. */
export type CoordinatorMetrics = ReturnType<typeof createMetrics>
