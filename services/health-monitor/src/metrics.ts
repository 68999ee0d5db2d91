import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** What a health monitor counts; never by node, the fleet's size must not be a label. */
export function createMetrics(registry: ServiceContext['registry']) {
  const metrics = metricsOf(registry)
  return {
    beats: metrics.counter('beats_total', 'Beats heard, by what became of them.', ['outcome']),
    verdicts: metrics.counter('verdicts_total', 'Verdicts given, by reason.', ['reason']),
    withheld: metrics.counter('verdicts_withheld_total', 'Verdicts not given, by reason.', [
      'reason',
    ]),
    detection: metrics.histogram(
      'detection_seconds',
      'Silence of a node when its verdict was stored.',
      [],
      [0.5, 1, 1.25, 1.5, 1.6, 1.75, 2, 3, 5, 10],
    ),
    nodes: metrics.gauge('nodes', 'Nodes by state.', ['state']),
    phiMax: metrics.gauge('phi_max', 'Highest suspicion among the nodes that are not dead.'),
    ownLag: metrics.gauge('monitor_lag_seconds', 'How late the monitor itself was lately.'),
    queued: metrics.gauge('tasks_queued', 'Pointers that wait to be fetched.'),
    running: metrics.gauge('tasks_running', 'Pointers that are out with nodes.'),
    slots: metrics.gauge('slots', 'Slots of the living nodes.'),
    active: metrics.gauge('slots_active', 'Slots in use on the living nodes.'),
    cpuMean: metrics.gauge('node_cpu_mean', 'Mean share of CPU in use on the living nodes.'),
    memoryMean: metrics.gauge('node_memory_mean', 'Mean share of memory in use on living nodes.'),
  }
}

/** The metrics of a health monitor. */
export type MonitorMetrics = ReturnType<typeof createMetrics>
