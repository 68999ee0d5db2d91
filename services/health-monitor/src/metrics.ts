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
    withheld: counter(
      'deaths_withheld_total',
      'Silent nodes that a safeguard kept from being declared dead, by safeguard.',
      ['reason'],
    ),
    stalls: counter(
      'stalls_total',
      'Decisions to avoid, drain or restore a node that sends heartbeats while its tasks make no progress.',
      ['kind', 'reason'],
    ),
    stallsWithheld: counter(
      'stalls_withheld_total',
      'Nodes without progress that a safeguard kept from being marked as stalled, by safeguard.',
      ['reason'],
    ),
    detection: metrics.histogram(
      'detection_seconds',
      'Time from the last heartbeat of a node to the stored declaration of its death.',
      [],
      [0.5, 1, 1.25, 1.5, 1.6, 1.75, 2, 2.5, 3, 5, 10],
    ),
    silence: metrics.histogram(
      'heartbeat_gap_seconds',
      'Time between two heartbeats of a node.',
      [],
      [0.25, 0.5, 0.6, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3],
    ),
    nodes: gauge('nodes', 'Nodes by state.', ['state']),
    phiMax: gauge(
      'phi_max',
      'Highest suspicion level (phi) of the nodes that are not dead; 8 or more can mean death.',
    ),
    ownLag: gauge(
      'monitor_lag_seconds',
      'Longest delay of the event loop of the monitor in the last second.',
    ),
    isPrimary: gauge(
      'monitor_primary',
      '1 if this monitor is the primary monitor, which publishes snapshots; otherwise 0.',
    ),
    activeNodes: gauge('nodes_active', 'Nodes that take work.'),
    queued: gauge('tasks_queued', 'Tasks that wait for a node.'),
    running: gauge('tasks_running', 'Attempts that run on nodes that are not dead.'),
    completed: gauge(
      'attempts_completed',
      'Attempts that completed on any node, including nodes that no longer exist.',
    ),
    failed: gauge(
      'attempts_failed',
      'Attempts that failed on any node, including nodes that no longer exist.',
    ),
    slots: gauge('slots', 'Slots of the nodes that take work.'),
    active: gauge('slots_active', 'Slots in use on the nodes that take work.'),
    cpuMean: gauge('node_cpu_mean', 'Mean processor use of the nodes that are not dead, in cores.'),
    memoryMean: gauge(
      'node_memory_mean',
      'Mean used part of the memory limits of the nodes that are not dead, 0 to 1.',
    ),
    responseMean: gauge(
      'node_response_seconds_mean',
      'Mean duration of an attempt on nodes that are not dead.',
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
    figure(
      'state',
      'State of the node: 0 dead, 1 suspect, 2 stalled, 3 alive.',
      ({ state }) => STATE_VALUES[state],
    ),
    figure('slots', 'Slots of the node.', ({ slots }) => slots),
    figure('active', 'Attempts that run on the node.', ({ active }) => active),
    figure('queued', 'Attempts that the node has accepted but not begun.', ({ queued }) => queued),
    figure('cpu', 'Processor time that the node uses, in cores.', ({ cpu }) => cpu),
    figure('memory', 'Used part of the memory limit of the node, 0 to 1.', ({ memory }) => memory),
    figure('memory_bytes', 'Memory that the node uses.', ({ memoryBytes }) => memoryBytes),
    figure(
      'lag_seconds',
      '99th percentile of the event-loop delay of the node.',
      ({ lagMs }) => lagMs / 1_000,
    ),
    figure(
      'response_seconds',
      'Mean duration of an attempt on the node.',
      ({ responseMs }) => responseMs / 1_000,
    ),
    figure(
      'heartbeat_age_seconds',
      'Time since the last heartbeat of the node.',
      ({ heartbeatAgeMs }) => heartbeatAgeMs / 1_000,
    ),
    figure(
      'stuck_seconds',
      'Time for which an attempt on the node has made no progress: the longest of all its attempts.',
      ({ work }) => (work === undefined ? 0 : work.stuckMs / 1_000),
    ),
    figure('draining', '1 if the node drains, otherwise 0.', ({ draining }) => (draining ? 1 : 0)),
    figure(
      'flaps',
      'How often the node became silent in the last ten minutes.',
      ({ flaps }) => flaps ?? 0,
    ),
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
