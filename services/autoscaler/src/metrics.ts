import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** What an autoscaler counts. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    decisions: metrics.counter('scale_decisions_total', 'Decisions of the leader.', [
      'kind',
      'reason',
    ]),
    failures: metrics.counter(
      'scale_failures_total',
      'Decisions that the orchestrator did not carry out.',
    ),
    wanted: metrics.gauge('scale_wanted', 'Nodes that the present demand needs.'),
    nodes: metrics.gauge('scale_nodes', 'Nodes that serve or are starting.'),
    throttled: metrics.gauge('scale_throttled_share', 'Share of LLM calls answered with 429.'),
    backpressure: metrics.gauge(
      'scale_backpressure',
      '1 while growth is wanted and would not help.',
    ),
    leader: metrics.gauge('scale_leader', '1 on the replica that acts.'),
  }
}

/** The metrics of an autoscaler. */
export type AutoscalerMetrics = ReturnType<typeof createMetrics>
