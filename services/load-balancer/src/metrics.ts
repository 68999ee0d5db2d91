import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** What the gauges of a load balancer read. */
type BalancerFigures = Readonly<
  Record<'credits' | 'held' | 'nodes' | 'ejected' | 'balancers' | 'queues', () => number>
>

/** Creates and registers the metrics of the load balancer. */
export function createMetrics(registry: ServiceContext['registry']) {
  const { counter, gaugeOf } = metricsOf(registry)
  return {
    fetched: counter(
      'pointers_fetched_total',
      'the number of pointers (queue messages of tasks) that the load balancer fetched',
      ['way'],
    ),
    placements: counter('placements_total', 'the number of decisions about the node for a task', [
      'reason',
    ]),
    dispatches: counter(
      'dispatches_total',
      'the number of requests that hand tasks to a node, by answer',
      ['outcome'],
    ),
    notesLost: counter(
      'inflight_notes_lost_total',
      'the number of notes about the node of a task that Redis did not store',
    ),
    ejections: counter(
      'ejections_total',
      'the number of times that the load balancer ejected a node or ended its ejection',
      ['kind', 'reason'],
    ),
    advised: counter(
      'placements_advised_total',
      'the number of tasks with `placement: "advised"`, by what happened to the advice',
      ['use'],
    ),
    decisionsLost: counter(
      'decisions_lost_total',
      'the number of decisions that the load balancer could not record',
    ),
    observe(read: BalancerFigures) {
      gaugeOf(
        'credits',
        'the number of tasks that this load balancer may send to nodes at once (free credits)',
        read.credits,
      )
      gaugeOf(
        'pointers_held',
        'the number of fetched pointers that wait for a free slot on a node',
        read.held,
      )
      gaugeOf('nodes_eligible', 'the number of nodes that may take tasks', read.nodes)
      gaugeOf(
        'nodes_ejected',
        'the number of nodes that are ejected, or that run one task as a probe',
        read.ejected,
      )
      gaugeOf(
        'load_balancers',
        'the number of load balancers that share the slots of the nodes',
        read.balancers,
      )
      gaugeOf(
        'tenant_queues',
        'the number of tenant queues from which this load balancer fetches tasks',
        read.queues,
      )
    },
  }
}

/** The metrics of a load balancer. */
export type BalancerMetrics = ReturnType<typeof createMetrics>
