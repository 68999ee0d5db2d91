import type { NodeState } from '@agentfleet/domain'
import type { Snapshot } from '@agentfleet/protocol'
import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/**
 * Creates and registers the metrics of the health monitor. Figures of a node have the node as a
 * label; the registry bounds the number of labels, and figures of forgotten nodes disappear.
 */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  const { counter, gauge, histogram } = metrics
  return {
    heartbeats: counter('heartbeats_total', 'the number of received heartbeats by outcome', [
      'outcome',
    ]),
    deaths: counter(
      'deaths_total',
      'the number of nodes that the monitor declared dead, by reason',
      ['reason'],
    ),
    withheld: counter(
      'deaths_withheld_total',
      'the number of silent nodes that a safeguard kept from being declared dead, by safeguard',
      ['reason'],
    ),
    stalls: counter(
      'stalls_total',
      'the number of decisions to avoid, drain or restore a node that sends heartbeats while its tasks make no progress',
      ['kind', 'reason'],
    ),
    stallsWithheld: counter(
      'stalls_withheld_total',
      'the number of nodes without progress that a safeguard kept from being marked as stalled, by safeguard',
      ['reason'],
    ),
    detection: histogram(
      'detection_seconds',
      'the time from the last heartbeat of a node to the stored declaration of its death',
      [],
      [0.5, 1, 1.25, 1.5, 1.6, 1.75, 2, 2.5, 3, 5, 10],
    ),
    silence: histogram(
      'heartbeat_gap_seconds',
      'the time between two heartbeats of a node',
      [],
      [0.25, 0.5, 0.6, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3],
    ),
    nodes: gauge('nodes', 'the number of nodes in each state', ['state']),
    phiMax: gauge(
      'phi_max',
      'the highest suspicion level (phi) of the nodes that are not dead; 8 or more can mean death',
    ),
    ownLag: gauge(
      'monitor_lag_seconds',
      'the longest delay of the event loop of the monitor in the last second',
    ),
    isPrimary: gauge(
      'monitor_primary',
      '1 if this monitor is the primary monitor, which publishes snapshots; otherwise 0',
    ),
    ...createFleetGauges(metrics),
    perNode: createNodeGauges(metrics),
  }
}

function createFleetGauges({ gauge }: ReturnType<typeof metricsOf>) {
  return {
    activeNodes: gauge('nodes_active', 'the number of nodes that take tasks'),
    queued: gauge('tasks_queued', 'the number of tasks that wait for a node'),
    running: gauge('tasks_running', 'the number of attempts that run on nodes that are not dead'),
    completed: gauge(
      'attempts_completed',
      'the number of attempts that completed on any node, including nodes that no longer exist',
    ),
    failed: gauge(
      'attempts_failed',
      'the number of attempts that failed on any node, including nodes that no longer exist',
    ),
    slots: gauge('slots', 'the number of slots of the nodes that take tasks'),
    active: gauge('slots_active', 'the number of slots in use on the nodes that take tasks'),
    cpuMean: gauge(
      'node_cpu_mean',
      'the mean processor use of the nodes that are not dead, in cores',
    ),
    memoryMean: gauge(
      'node_memory_mean',
      'the mean memory use of the nodes that are not dead, as a part of their memory limits from 0 to 1',
    ),
    responseMean: gauge(
      'node_response_seconds_mean',
      'the mean duration of an attempt on nodes that are not dead',
    ),
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
      'the state of the node: 0 dead, 1 suspect, 2 stalled, 3 alive',
      ({ state }) => STATE_VALUES[state],
    ),
    figure('slots', 'the number of slots of the node', ({ slots }) => slots),
    figure('active', 'the number of attempts that run on the node', ({ active }) => active),
    figure(
      'queued',
      'the number of attempts that the node has accepted but not begun',
      ({ queued }) => queued,
    ),
    figure('cpu', 'the processor time that the node uses, in cores', ({ cpu }) => cpu),
    figure(
      'memory',
      'the used part of the memory limit of the node, from 0 to 1',
      ({ memory }) => memory,
    ),
    figure(
      'memory_bytes',
      'the memory that the node uses, in bytes',
      ({ memoryBytes }) => memoryBytes,
    ),
    figure(
      'lag_seconds',
      'the 99th percentile of the event-loop delay of the node',
      ({ lagMs }) => lagMs / 1_000,
    ),
    figure(
      'response_seconds',
      'the mean duration of an attempt on the node',
      ({ responseMs }) => responseMs / 1_000,
    ),
    figure(
      'heartbeat_age_seconds',
      'the time since the last heartbeat of the node',
      ({ heartbeatAgeMs }) => heartbeatAgeMs / 1_000,
    ),
    figure(
      'stuck_seconds',
      'the longest time for which an attempt on the node has made no progress',
      ({ work }) => (work === undefined ? 0 : work.stuckMs / 1_000),
    ),
    figure('draining', '1 if the node drains, otherwise 0', ({ draining }) => (draining ? 1 : 0)),
    figure(
      'flaps',
      'the number of times that the node became silent in the last ten minutes',
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
