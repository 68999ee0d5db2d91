import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the load balancer. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    fetched: metrics.counter('pointers_fetched_total', 'Pointers fetched from the queue.', ['way']),
    placements: metrics.counter('placements_total', 'Placement decisions.', ['reason']),
    dispatches: metrics.counter('dispatches_total', 'Dispatch requests by answer.', ['outcome']),
    notesLost: metrics.counter(
      'inflight_notes_lost_total',
      'In-flight notes that Redis did not store.',
    ),
    ejections: metrics.counter('ejections_total', 'Ejections of nodes, and ends of ejections.', [
      'kind',
      'reason',
    ]),
    advised: metrics.counter(
      'placements_advised_total',
      'Tasks with `placement: "advised"`, by what happened to the advice.',
      ['use'],
    ),
    decisionsLost: metrics.counter('decisions_lost_total', 'Decisions that were not recorded.'),
    observe(read: {
      credits(): number
      held(): number
      nodes(): number
      ejected(): number
      balancers(): number
      queues(): number
    }) {
      metrics.gaugeOf('credits', 'Free credits on all eligible nodes.', read.credits)
      metrics.gaugeOf('pointers_held', 'Fetched pointers that wait for a credit.', read.held)
      metrics.gaugeOf('nodes_eligible', 'Nodes that may take work.', read.nodes)
      metrics.gaugeOf(
        'nodes_ejected',
        'Nodes that are ejected, or that run one task as a probe.',
        read.ejected,
      )
      metrics.gaugeOf('load_balancers', 'Load balancers that share the credits.', read.balancers)
      metrics.gaugeOf(
        'tenant_queues',
        'Queues of tenants from which this load balancer fetches.',
        read.queues,
      )
    },
  }
}

/** The metrics of a load balancer. */
export type BalancerMetrics = ReturnType<typeof createMetrics>
