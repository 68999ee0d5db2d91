import { metricsOf, type Registry } from '@agentfleet/runtime'

/** The metrics of the gateway. */
export type GatewayMetrics = ReturnType<typeof createMetrics>

/** Creates and registers the metrics of the gateway. */
export function createMetrics(registry: Registry) {
  const metrics = metricsOf(registry)
  return {
    submissions: metrics.counter('gateway_submissions_total', 'Submissions by outcome.', [
      'outcome',
    ]),
    requests: metrics.histogram('gateway_request_seconds', 'Duration of requests in seconds.', [
      'operation',
      'status',
    ]),
    refusals: metrics.counter('gateway_refusals_total', 'Refused requests by code.', ['code']),
    audited: metrics.counter(
      'gateway_audit_events_total',
      'Audit events by kind; `lost` events were only logged.',
      ['kind'],
    ),
    reads: metrics.counter(
      'gateway_reads_total',
      'Reads of single tasks, by the source of the record (Redis or the log).',
      ['source'],
    ),
    frames: metrics.counter(
      'gateway_stream_frames_total',
      'Frames sent to WebSocket clients, by kind.',
      ['kind'],
    ),
    closes: metrics.counter(
      'gateway_stream_closes_total',
      'Connections that the gateway ended, by reason.',
      ['reason'],
    ),
    logFill: metrics.gauge(
      'gateway_log_fill_ratio',
      'Used part of the largest size of the log, 0 to 1.',
    ),
    observe(read: {
      held(): number
      appends(): number
      streams(): number
      watched(): number
      keys(): number
      deltas(): number
    }) {
      const { gaugeOf } = metrics
      gaugeOf(
        'gateway_waiting',
        'Requests that the gateway holds until their task ends.',
        read.held,
      )
      gaugeOf(
        'gateway_submissions_in_flight',
        'Appends to the log that have no answer yet.',
        read.appends,
      )
      gaugeOf('gateway_streams', 'Open streams.', read.streams)
      gaugeOf('gateway_keys', 'Keys of the API that this gateway holds.', read.keys)
      gaugeOf('gateway_watched_tasks', 'Tasks that WebSocket clients follow.', read.watched)
      gaugeOf(
        'gateway_delta_subscriptions',
        'Tasks whose deltas the gateway receives.',
        read.deltas,
      )
    },
  }
}
