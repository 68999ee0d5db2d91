import { metricsOf, type ServiceContext } from '@agentfleet/runtime'

/** What an adviser counts. */
export function createMetrics(registry: ServiceContext['registry']) {
  return {
    asked: metricsOf(registry).counter('advice_total', 'Questions to the adviser, by outcome.', [
      'outcome',
    ]),
  }
}
