import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the autoscaler. */
export function createMetrics(registry: ServiceContext['registry']) {
  const { counter, gauge } = metricsOf(registry)
  return {
    decisions: counter('scale_decisions_total', 'the number of scaling decisions of the leader', [
      'kind',
      'reason',
    ]),
    failures: counter(
      'scale_failures_total',
      'the number of scaling decisions that the orchestrator failed to carry out',
    ),
    wanted: gauge('scale_wanted', 'the number of nodes that the current demand needs'),
    nodes: gauge('scale_nodes', 'the number of nodes that serve tasks or are starting'),
    throttled: gauge(
      'scale_throttled_share',
      'the share of LLM calls that providers answered with 429',
    ),
    backpressure: gauge(
      'scale_backpressure',
      '1 while the demand needs more nodes but more nodes would not help, otherwise 0',
    ),
    leader: gauge('scale_leader', '1 on the replica that is the leader, otherwise 0'),
  }
}

/** The metrics of an autoscaler. */
export type AutoscalerMetrics = ReturnType<typeof createMetrics>
