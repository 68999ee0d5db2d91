import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the coordinator. */
export function createMetrics(registry: ServiceContext['registry']) {
  const { counter, gaugeOf, histogram } = metricsOf(registry)
  return {
    events: counter(
      'events_total',
      'the number of events that the coordinator has read from the log',
      ['type'],
    ),
    reports: counter('reports_total', 'the number of reports from nodes by outcome', [
      'op',
      'outcome',
    ]),
    batch: histogram(
      'report_batch_size',
      'the number of reports in one message of a node',
      [],
      [1, 2, 5, 10, 20, 50, 100, 200, 500],
    ),
    issued: counter(
      'pointers_issued_total',
      'the number of missing pointers (queue messages of tasks) that the coordinator issued again',
    ),
    expired: counter(
      'tasks_expired_total',
      'the number of tasks that failed because their deadline passed',
    ),
    rebuilds: counter(
      'projection_rebuilds_total',
      'the number of times that the coordinator wrote all records to Redis again',
    ),
    observe(read: { unfinished(): number; inReport(): number; position(): number }) {
      gaugeOf('tasks_unfinished', 'the number of unfinished tasks', read.unfinished)
      gaugeOf(
        'reports_in_flight',
        'the number of reports that the coordinator handles now',
        read.inReport,
      )
      gaugeOf('log_position', 'the last log sequence that the coordinator has read', read.position)
    },
  }
}

/** The metrics of a coordinator. */
export type CoordinatorMetrics = ReturnType<typeof createMetrics>
