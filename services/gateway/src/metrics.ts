import { metricsOf, type Registry } from '@agentfleet/runtime'

/** What the gateway counts. */
export type GatewayMetrics = ReturnType<typeof createMetrics>

/** The metrics of the gateway, registered. */
export function createMetrics(registry: Registry) {
  const metrics = metricsOf(registry)
  return {
    submissions: metrics.counter('gateway_submissions_total', 'Submissions by outcome.', [
      'outcome',
    ]),
    requests: metrics.histogram('gateway_request_seconds', 'Time of requests.', [
      'operation',
      'status',
    ]),
    refusals: metrics.counter('gateway_refusals_total', 'Requests refused, by code.', ['code']),
    reads: metrics.counter('gateway_reads_total', 'Task reads by where the record came from.', [
      'source',
    ]),
    frames: metrics.counter('gateway_stream_frames_total', 'Frames of the stream.', ['kind']),
    closes: metrics.counter('gateway_stream_closes_total', 'Streams that we closed.', ['reason']),
    logFill: metrics.gauge('gateway_log_fill_ratio', 'Share of the log that is used.'),
    gaugeOf: metrics.gaugeOf.bind(metrics),
  }
}
