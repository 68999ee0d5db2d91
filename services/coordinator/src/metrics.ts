import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the coordinator. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    events: metrics.counter(
      'events_total',
      'The metric is the number of events that the coordinator has read from the log.',
      ['type'],
    ),
    reports: metrics.counter(
      'reports_total',
      'The metric is the number of reports from nodes by outcome.',
      ['op', 'outcome'],
    ),
    batch: metrics.histogram(
      'report_batch_size',
      'The metric is the number of reports in one message of a node.',
      [],
      [1, 2, 5, 10, 20, 50, 100, 200, 500],
    ),
    issued: metrics.counter(
      'pointers_issued_total',
      'The metric is the number of missing pointers (queue messages of tasks) that the coordinator issued again.',
    ),
    expired: metrics.counter(
      'tasks_expired_total',
      'The metric is the number of tasks that failed because their deadline passed.',
    ),
    rebuilds: metrics.counter(
      'projection_rebuilds_total',
      'The metric is the number of times that the coordinator wrote all records to Redis again.',
    ),
    observe(read: { unfinished(): number; inReport(): number; position(): number }) {
      metrics.gaugeOf(
        'tasks_unfinished',
        'The metric is the number of unfinished tasks.',
        read.unfinished,
      )
      metrics.gaugeOf(
        'reports_in_flight',
        'The metric is the number of reports that the coordinator handles now.',
        read.inReport,
      )
      metrics.gaugeOf(
        'log_position',
        'The metric is the last log sequence that the coordinator has read.',
        read.position,
      )
    },
  }
}

/** The metrics of a coordinator. */
export type CoordinatorMetrics = ReturnType<typeof createMetrics>
