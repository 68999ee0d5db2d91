import { metricsOf, type Registry } from '@agentfleet/runtime'

/** The metrics of the gateway. */
export type GatewayMetrics = ReturnType<typeof createMetrics>

/** Creates and registers the metrics of the gateway. */
export function createMetrics(registry: Registry) {
  const { counter, gauge, gaugeOf, histogram } = metricsOf(registry)
  return {
    submissions: counter('gateway_submissions_total', 'the number of task submissions by outcome', [
      'outcome',
    ]),
    requests: histogram('gateway_request_seconds', 'the duration of requests in seconds', [
      'operation',
      'status',
    ]),
    refusals: counter('gateway_refusals_total', 'the number of refused requests by error code', [
      'code',
    ]),
    audited: counter(
      'gateway_audit_events_total',
      'the number of audit events by kind; the events that the gateway could not store count as `lost`',
      ['kind'],
    ),
    reads: counter(
      'gateway_reads_total',
      'the number of reads of single tasks, by the source of the record (Redis or the log)',
      ['source'],
    ),
    frames: counter(
      'gateway_stream_frames_total',
      'the number of frames that the gateway sent to WebSocket clients, by kind',
      ['kind'],
    ),
    closes: counter(
      'gateway_stream_closes_total',
      'the number of connections that the gateway ended, by reason',
      ['reason'],
    ),
    logFill: gauge(
      'gateway_log_fill_ratio',
      'the used part of the maximum size of the log, from 0 to 1',
    ),
    observe(read: {
      held(): number
      appends(): number
      streams(): number
      watched(): number
      keys(): number
      deltas(): number
    }) {
      gaugeOf(
        'gateway_waiting',
        'the number of requests that the gateway holds until their task ends',
        read.held,
      )
      gaugeOf(
        'gateway_submissions_in_flight',
        'the number of submissions that wait until NATS has stored them in the log',
        read.appends,
      )
      gaugeOf('gateway_streams', 'the number of open WebSocket streams', read.streams)
      gaugeOf('gateway_keys', 'the number of API keys that this gateway knows', read.keys)
      gaugeOf(
        'gateway_watched_tasks',
        'the number of tasks that WebSocket clients follow',
        read.watched,
      )
      gaugeOf(
        'gateway_delta_subscriptions',
        'the number of tasks whose text the gateway receives while the model writes it',
        read.deltas,
      )
    },
  }
}
