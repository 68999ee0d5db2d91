import { metricsOf, type Registry } from '@agentfleet/runtime'

/** The metrics of the gateway. */
export type GatewayMetrics = ReturnType<typeof createMetrics>

/** Creates and registers the metrics of the gateway. */
export function createMetrics(registry: Registry) {
  const metrics = metricsOf(registry)
  return {
    submissions: metrics.counter(
      'gateway_submissions_total',
      'The metric is the number of task submissions by outcome.',
      ['outcome'],
    ),
    requests: metrics.histogram(
      'gateway_request_seconds',
      'The metric is the duration of requests in seconds.',
      ['operation', 'status'],
    ),
    refusals: metrics.counter(
      'gateway_refusals_total',
      'The metric is the number of refused requests by error code.',
      ['code'],
    ),
    audited: metrics.counter(
      'gateway_audit_events_total',
      'The metric is the number of audit events by kind; the events that the gateway could not store count as `lost`.',
      ['kind'],
    ),
    reads: metrics.counter(
      'gateway_reads_total',
      'The metric is the number of reads of single tasks, by the source of the record (Redis or the log).',
      ['source'],
    ),
    frames: metrics.counter(
      'gateway_stream_frames_total',
      'The metric is the number of frames that the gateway sent to WebSocket clients, by kind.',
      ['kind'],
    ),
    closes: metrics.counter(
      'gateway_stream_closes_total',
      'The metric is the number of connections that the gateway ended, by reason.',
      ['reason'],
    ),
    logFill: metrics.gauge(
      'gateway_log_fill_ratio',
      'The metric is the used part of the maximum size of the log, from 0 to 1.',
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
        'The metric is the number of requests that the gateway holds until their task ends.',
        read.held,
      )
      gaugeOf(
        'gateway_submissions_in_flight',
        'The metric is the number of submissions that wait until NATS has stored them in the log.',
        read.appends,
      )
      gaugeOf(
        'gateway_streams',
        'The metric is the number of open WebSocket streams.',
        read.streams,
      )
      gaugeOf(
        'gateway_keys',
        'The metric is the number of API keys that this gateway knows.',
        read.keys,
      )
      gaugeOf(
        'gateway_watched_tasks',
        'The metric is the number of tasks that WebSocket clients follow.',
        read.watched,
      )
      gaugeOf(
        'gateway_delta_subscriptions',
        'The metric is the number of tasks whose text the gateway receives while the model writes it.',
        read.deltas,
      )
    },
  }
}
