import type { NodeState } from '@agentfleet/domain'
import type { Snapshot } from '@agentfleet/protocol'
import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/**
 * Creates and registers the metrics of the health monitor. Figures of a node have the node as a
 * label; the registry bounds the number of labels, and figures of forgotten nodes disappear.
 */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  const { counter, gauge } = metrics
  return {
    heartbeats: counter('heartbeats_total', 'Heartbeats received, by outcome.', ['outcome']),
    deaths: counter('deaths_total', 'Nodes declared dead, by reason.', ['reason']),
    withheld: counter('deaths_withheld_total', 'Deaths that safeguards withheld, by reason.', [
      'reason',
    ]),
    stalls: counter('stalls_total', 'Decisions on nodes that send heartbeats without progress.', [
      'kind',
      'reason',
    ]),
    stallsWithheld: counter(
      'stalls_withheld_total',
      'Stalls that safeguards withheld, by reason.',
      ['reason'],
    ),
    detection: metrics.histogram(
      'detection_seconds',
      'Silence of a node when its death was stored, in seconds.',
      [],
      [0.5, 1, 1.25, 1.5, 1.6, 1.75, 2, 2.5, 3, 5, 10],
    ),
    silence: metrics.histogram(
      'heartbeat_gap_seconds',
      'Time between two heartbeats of a node, in seconds.',
      [],
      [0.25, 0.5, 0.6, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3],
    ),
    nodes: gauge('nodes', 'Nodes by state.', ['state']),
    phiMax: gauge('phi_max', 'Highest phi of the nodes that are not dead.'),
    ownLag: gauge('monitor_lag_seconds', 'Delay of the monitor itself in the last second.'),
    isPrimary: gauge('monitor_primary', '1 if this monitor is primary.'),
    activeNodes: gauge('nodes_active', 'Nodes that take work.'),
    queued: gauge('tasks_queued', 'Tasks that wait for a node.'),
    running: gauge('tasks_running', 'Attempts on the nodes that are not dead.'),
    completed: gauge('attempts_completed', 'Completed attempts of all nodes, including lost ones.'),
    failed: gauge('attempts_failed', 'Failed attempts of all nodes, including lost ones.'),
    slots: gauge('slots', 'Slots of the nodes that take work.'),
    active: gauge('slots_active', 'Slots in use on the nodes that take work.'),
    cpuMean: gauge('node_cpu_mean', 'Mean share of CPU in use on living nodes.'),
    memoryMean: gauge('node_memory_mean', 'Mean share of memory in use on living nodes.'),
    responseMean: gauge(
      'node_response_seconds_mean',
      'Mean duration of an attempt on living nodes.',
    ),
    perNode: createNodeGauges(metrics),
  }
}

/** The metrics of a health monitor. */
export type MonitorMetrics = ReturnType<typeof createMetrics>

type NodeSnapshot = Snapshot['nodes'][number]
/** Numbers of the states for one series: the higher, the healthier. */
const STATE_VALUES: Record<NodeState, number> = { dead: 0, suspect: 1, stalled: 2, alive: 3 }

/** Creates one gauge for each figure of a node. */
function createNodeGauges({ gauge }: ReturnType<typeof metricsOf>) {
  const figure = (name: string, help: string, read: (node: NodeSnapshot) => number) => ({
    read,
    gauge: gauge(`node_${name}`, help, ['node']),
  })
  const figures = [
    figure('state', '0 dead, 1 suspect, 2 stalled, 3 alive.', ({ state }) => STATE_VALUES[state]),
    figure('slots', 'Slots of the node.', ({ slots }) => slots),
    figure('active', 'Attempts on the node.', ({ active }) => active),
    figure('queued', 'Attempts that the node has accepted but not begun.', ({ queued }) => queued),
    figure('cpu', 'Share of one core in use.', ({ cpu }) => cpu),
    figure('memory', 'Share of the memory limit in use.', ({ memory }) => memory),
    figure('memory_bytes', 'Memory in use.', ({ memoryBytes }) => memoryBytes),
    figure('lag_seconds', 'Delay of the event loop.', ({ lagMs }) => lagMs / 1_000),
    figure(
      'response_seconds',
      'Mean duration of an attempt.',
      ({ responseMs }) => responseMs / 1_000,
    ),
    figure(
      'heartbeat_age_seconds',
      'Age of the last heartbeat.',
      ({ heartbeatAgeMs }) => heartbeatAgeMs / 1_000,
    ),
    figure('stuck_seconds', 'Longest time without progress of an attempt.', ({ work }) =>
      work === undefined ? 0 : work.stuckMs / 1_000,
    ),
    figure('draining', '1 if the node drains.', ({ draining }) => (draining ? 1 : 0)),
    figure('flaps', 'How often the node became silent in ten minutes.', ({ flaps }) => flaps ?? 0),
  ]
  return {
    /** Shows only these nodes. */
    show(nodes: readonly NodeSnapshot[]): void {
      for (const each of figures) {
        each.gauge.reset()
        for (const node of nodes) each.gauge.set({ node: node.nodeId }, each.read(node))
      }
    },
  }
}
