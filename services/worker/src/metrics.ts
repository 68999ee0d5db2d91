import { metricsOf, type Counter, type Histogram, type Registry } from '@agentfleet/runtime'

/** What a worker counts and measures. */
export interface WorkerMetrics {
  readonly attempts: Counter<'outcome'>
  readonly superseded: Counter<never>
  readonly llmCalls: Counter<'outcome'>
  readonly llmSeconds: Histogram<never>
  readonly tokens: Counter<'direction'>
  readonly toolCalls: Counter<'outcome'>
  readonly toolSeconds: Histogram<never>
  readonly reportItems: Histogram<never>
}

/** LLM calls take from a tenth of a second to minutes. */
const CALL_BUCKETS_S = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320]
const SIZE_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** Registers the worker's metrics; the two figures are read when they are scraped. */
export function createMetrics(
  registry: Registry,
  figures: {
    readonly running: () => number
    readonly lagMs: () => number
    readonly waiting: () => number
  },
): WorkerMetrics {
  const metrics = metricsOf(registry)
  metrics.gaugeOf('worker_running', 'Attempts that hold a slot.', figures.running)
  metrics.gaugeOf(
    'worker_provider_waiting',
    "Calls that wait for their provider's limits.",
    figures.waiting,
  )
  metrics.gaugeOf(
    'worker_lag_seconds',
    'How late the event loop is, 99th percentile.',
    () => figures.lagMs() / 1_000,
  )
  return {
    attempts: metrics.counter('worker_attempts_total', 'Attempts that are over.', ['outcome']),
    superseded: metrics.counter(
      'worker_superseded_total',
      'Attempts given up because another one was entitled (L3).',
    ),
    llmCalls: metrics.counter('worker_llm_calls_total', 'LLM calls that ended.', ['outcome']),
    llmSeconds: metrics.histogram(
      'worker_llm_call_seconds',
      'Duration of LLM calls that succeeded.',
      [],
      CALL_BUCKETS_S,
    ),
    tokens: metrics.counter('worker_tokens_total', 'Tokens of LLM calls.', ['direction']),
    toolCalls: metrics.counter('worker_tool_calls_total', 'Tool calls that ended.', ['outcome']),
    toolSeconds: metrics.histogram(
      'worker_tool_call_seconds',
      'Duration of tool calls.',
      [],
      CALL_BUCKETS_S,
    ),
    reportItems: metrics.histogram(
      'worker_report_items',
      'Reports in one request.',
      [],
      SIZE_BUCKETS,
    ),
  }
}
