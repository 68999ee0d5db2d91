import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** Creates and registers the metrics of the load balancer. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    fetched: metrics.counter(
      'pointers_fetched_total',
      'The metric is the number of pointers (queue messages of tasks) that the load balancer fetched.',
      ['way'],
    ),
    placements: metrics.counter(
      'placements_total',
      'The metric is the number of decisions about the node for a task.',
      ['reason'],
    ),
    dispatches: metrics.counter(
      'dispatches_total',
      'The metric is the number of requests that hand tasks to a node, by answer.',
      ['outcome'],
    ),
    notesLost: metrics.counter(
      'inflight_notes_lost_total',
      'The metric is the number of notes about the node of a task that Redis did not store.',
    ),
    ejections: metrics.counter(
      'ejections_total',
      'The metric is the number of times that the load balancer ejected a node or ended its ejection.',
      ['kind', 'reason'],
    ),
    advised: metrics.counter(
      'placements_advised_total',
      'The metric is the number of tasks with `placement: "advised"`, by what happened to the advice.',
      ['use'],
    ),
    decisionsLost: metrics.counter(
      'decisions_lost_total',
      'The metric is the number of decisions that the load balancer could not record.',
    ),
    observe(read: {
      credits(): number
      held(): number
      nodes(): number
      ejected(): number
      balancers(): number
      queues(): number
    }) {
      metrics.gaugeOf(
        'credits',
        'The metric is the number of tasks that this load balancer may send to nodes at once (free credits).',
        read.credits,
      )
      metrics.gaugeOf(
        'pointers_held',
        'The metric is the number of fetched pointers that wait for a free slot on a node.',
        read.held,
      )
      metrics.gaugeOf(
        'nodes_eligible',
        'The metric is the number of nodes that may take tasks.',
        read.nodes,
      )
      metrics.gaugeOf(
        'nodes_ejected',
        'The metric is the number of nodes that are ejected, or that run one task as a probe.',
        read.ejected,
      )
      metrics.gaugeOf(
        'load_balancers',
        'The metric is the number of load balancers that share the slots of the nodes.',
        read.balancers,
      )
      metrics.gaugeOf(
        'tenant_queues',
        'The metric is the number of tenant queues from which this load balancer fetches tasks.',
        read.queues,
      )
    },
  }
}

/** The metrics of a load balancer. */
export type BalancerMetrics = ReturnType<typeof createMetrics>
