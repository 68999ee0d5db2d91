import type { ProviderModel } from '@agentfleet/protocol'
import { metricsOf, type Metrics, type Registry } from '@agentfleet/runtime'
import type { RequestCount } from './llm/figures.ts'

/** The metrics of the worker. */
export type WorkerMetrics = ReturnType<typeof createMetrics>

/** Seconds; LLM calls take from a tenth of a second to minutes. */
const CALL_BUCKETS_S = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320]
const SIZE_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** Creates and registers the metrics of the worker; the figures are read at each scrape. */
export function createMetrics(
  registry: Registry,
  figures: {
    readonly running: () => number
    readonly lagMs: () => number
    readonly waiting: () => number
    readonly providers: () => readonly ProviderModel[]
    readonly requests: () => readonly RequestCount[]
  },
) {
  const metrics = metricsOf(registry)
  const { counter, counterOf, gaugeOf, histogram } = metrics
  gaugeOf('worker_running', 'the number of attempts that hold a slot', figures.running)
  gaugeOf(
    'worker_provider_waiting',
    'the number of LLM calls that wait for the limits of their provider',
    figures.waiting,
  )
  gaugeOf(
    'worker_lag_seconds',
    'the 99th percentile of the event-loop delay of the worker',
    () => figures.lagMs() / 1_000,
  )
  counterOf(
    'worker_provider_calls_total',
    'the number of ended requests to a provider by model and outcome; the outcome is `answered` or the class of the failure, and the model is `other` for models beyond the 64 that the worker remembers',
    ['provider', 'model', 'outcome'],
    figures.requests,
  )
  providerGauges(metrics, figures.providers)
  return {
    attempts: counter('worker_attempts_total', 'the number of ended attempts by outcome', [
      'outcome',
    ]),
    superseded: counter(
      'worker_superseded_total',
      'the number of attempts that the worker stopped because a newer attempt had begun (L3)',
    ),
    llmCalls: counter('worker_llm_calls_total', 'the number of ended LLM calls by outcome', [
      'outcome',
    ]),
    llmSeconds: histogram(
      'worker_llm_call_seconds',
      'the duration of LLM calls that succeeded',
      [],
      CALL_BUCKETS_S,
    ),
    tokens: counter('worker_tokens_total', 'the number of tokens of LLM calls', ['direction']),
    toolCalls: counter('worker_tool_calls_total', 'the number of ended tool calls by outcome', [
      'outcome',
    ]),
    toolSeconds: histogram(
      'worker_tool_call_seconds',
      'the duration of tool calls',
      [],
      CALL_BUCKETS_S,
    ),
    reportItems: histogram(
      'worker_report_items',
      'the number of reports in one request to a coordinator',
      [],
      SIZE_BUCKETS,
    ),
  }
}

/** The state of the models called recently, one gauge for each figure. */
function providerGauges(metrics: Metrics, providers: () => readonly ProviderModel[]): void {
  const gauge = (
    name: string,
    help: string,
    valueOf: (model: ProviderModel) => number | undefined,
  ): void =>
    metrics.gaugesOf(`worker_provider_${name}`, help, ['provider', 'model'], () =>
      providers().flatMap((entry) => {
        const { provider, model } = entry
        const value = valueOf(entry)
        return value === undefined ? [] : [{ labels: { provider, model }, value }]
      }),
    )
  gauge(
    'probing',
    '1 while the circuit breaker of the model allows a single call, otherwise 0',
    ({ breaker }) => Number(breaker === 'probing'),
  )
  gauge(
    'closed',
    '1 while the circuit breaker of the model allows no calls, otherwise 0',
    ({ breaker }) => Number(breaker === 'open'),
  )
  gauge(
    'closed_seconds',
    'the time until the worker sends calls to the model again after a 429',
    ({ closedForMs }) => closedForMs / 1_000,
  )
  gauge(
    'first_token_seconds',
    'the mean time to the first token of recent calls',
    ({ firstTokenMs }) => (firstTokenMs === undefined ? undefined : firstTokenMs / 1_000),
  )
  gauge(
    'tokens_per_second',
    'the mean output tokens per second of recent calls',
    ({ tokensPerSecond }) => tokensPerSecond,
  )
  metrics.gaugesOf(
    'worker_provider_learned',
    '1 for each feature that the model was found not to support in its usual form',
    ['provider', 'model', 'capability'],
    () =>
      providers().flatMap(({ provider, model, learned }) =>
        learned.map((capability) => ({ labels: { provider, model, capability }, value: 1 })),
      ),
  )
  metrics.gaugesOf(
    'worker_provider_last_error_age_seconds',
    'the time since the last failed call to the model, by the class of the failure',
    ['provider', 'model', 'outcome'],
    () =>
      providers().flatMap(({ provider, model, lastError: error }) =>
        error === undefined
          ? []
          : [{ labels: { provider, model, outcome: error.kind }, value: error.agoMs / 1_000 }],
      ),
  )
}
