import { metricsOf, type ServiceContext } from '@agentfleet/runtime'
import type { Bus } from './bus/bus.ts'

/** Counts the messages of a connection to the bus; the figures are read when they are scraped. */
export function createMetrics(
  registry: ServiceContext['registry'],
  { figures }: Pick<Bus, 'figures'>,
): void {
  metricsOf(registry).counterOf(
    'bus_messages_total',
    'the number of messages on the channels of the bus, by outcome',
    ['channel', 'outcome'],
    () => figures().map(({ count, ...labels }) => ({ labels, count })),
  )
}
