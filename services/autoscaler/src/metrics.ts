import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the autoscaler. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    decisions: metrics.counter(
      'scale_decisions_total',
      'The metric is the number of scaling decisions of the leader.',
      ['kind', 'reason'],
    ),
    failures: metrics.counter(
      'scale_failures_total',
      'The metric is the number of scaling decisions that the orchestrator failed to carry out.',
    ),
    wanted: metrics.gauge(
      'scale_wanted',
      'The metric is the number of nodes that the current demand needs.',
    ),
    nodes: metrics.gauge(
      'scale_nodes',
      'The metric is the number of nodes that serve tasks or are starting.',
    ),
    throttled: metrics.gauge(
      'scale_throttled_share',
      'The metric is the share of LLM calls that providers answered with 429.',
    ),
    backpressure: metrics.gauge(
      'scale_backpressure',
      'The metric is 1 while the demand needs more nodes but more nodes would not help, otherwise 0.',
    ),
    leader: metrics.gauge(
      'scale_leader',
      'The metric is 1 on the replica that is the leader, otherwise 0.',
    ),
  }
}

/** The metrics of an autoscaler. */
export type AutoscalerMetrics = ReturnType<typeof createMetrics>
