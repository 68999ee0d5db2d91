import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** The counters of an adviser. */
export function createMetrics(registry: ServiceContext['registry']) {
  return {
    asked: metricsOf(registry).counter(
      'advice_total',
      'the number of questions to the adviser, by outcome',
      ['outcome'],
    ),
  }
}
