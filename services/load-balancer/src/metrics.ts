import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** What a load balancer counts. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    fetched: metrics.counter('pointers_fetched_total', 'Pointers fetched from the queue.', ['way']),
    placements: metrics.counter('placements_total', 'Placement decisions.', ['reason']),
    dispatches: metrics.counter('dispatches_total', 'Dispatch requests, by answer.', ['outcome']),
    notesLost: metrics.counter('inflight_notes_lost_total', 'In-flight notes Redis did not take.'),
    observe(read: { credits(): number; held(): number; nodes(): number; queues(): number }) {
      metrics.gaugeOf('credits', 'Free credits of all eligible nodes.', read.credits)
      metrics.gaugeOf('pointers_held', 'Pointers waiting for a credit in hand.', read.held)
      metrics.gaugeOf('nodes_eligible', 'Nodes that may take work.', read.nodes)
      metrics.gaugeOf('tenant_queues', 'Queues of tenants that are listened to.', read.queues)
    },
  }
}

/** The metrics of a load balancer. */
export type BalancerMetrics = ReturnType<typeof createMetrics>
