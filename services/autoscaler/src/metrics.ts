import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the autoscaler. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    decisions: metrics.counter(
      'scale_decisions_total',
      'Number of scaling decisions of the leader.',
      ['kind', 'reason'],
    ),
    failures: metrics.counter(
      'scale_failures_total',
      'Number of scaling decisions that the orchestrator failed to carry out.',
    ),
    wanted: metrics.gauge('scale_wanted', 'Number of nodes that the current demand needs.'),
    nodes: metrics.gauge('scale_nodes', 'Number of nodes that serve tasks or are starting.'),
    throttled: metrics.gauge(
      'scale_throttled_share',
      'Share of LLM calls that providers answered with 429.',
    ),
    backpressure: metrics.gauge(
      'scale_backpressure',
      '1 while the demand needs more nodes but more nodes would not help, otherwise 0.',
    ),
    leader: metrics.gauge('scale_leader', '1 on the replica that is the leader, otherwise 0.'),
  }
}

/** The metrics of an autoscaler. */
export type AutoscalerMetrics = ReturnType<typeof createMetrics>
