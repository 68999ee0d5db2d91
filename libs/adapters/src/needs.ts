/** The connections of services, as needs of the runtime: each reads its variables and connects. */
import type { ServiceName } from '@agentfleet/protocol'
import type { ServiceContext } from '@agentfleet/runtime'
import { connectServiceBus, type Bus, type ServiceBusEnv } from './bus/bus.ts'
import { createMetrics } from './metrics.ts'
import { connectProviderLimits, type ProviderLimits } from './limits/provider-limits.ts'
import { connectRegistry, type Registry } from './registry/registry.ts'
import { connectStore, type Store } from './store/store.ts'
import { connectUsageTotals, type UsageTotals } from './store/usage-totals.ts'

type Connecting<C> = Pick<ServiceContext<C>, 'config' | 'log'>
type RedisEnv = { readonly REDIS_URL: string }

/** The bus, as the NATS user of this service. */
export const bus =
  (service: ServiceName) =>
  async ({
    config,
    log,
    registry,
  }: Connecting<ServiceBusEnv> & Pick<ServiceContext, 'registry'>): Promise<Bus> => {
    const connected = await connectServiceBus(service, config, log)
    createMetrics(registry, connected)
    return connected
  }

/** Consul: which services are registered, and which one leads. */
export const discovery = ({ config, log }: Connecting<{ readonly CONSUL_URL: string }>): Registry =>
  connectRegistry({ url: config.CONSUL_URL, log })

/** The records of tasks in Redis. */
export const store = ({ config, log }: Connecting<RedisEnv>): Promise<Store> =>
  connectStore({ url: config.REDIS_URL, log })

/** The totals of usage in Redis. */
export const usage = ({ config, log }: Connecting<RedisEnv>): Promise<UsageTotals> =>
  connectUsageTotals({ url: config.REDIS_URL, log })

/** The limits of providers that all nodes share, in Redis. */
export const providerLimits = ({ config, log }: Connecting<RedisEnv>): Promise<ProviderLimits> =>
  connectProviderLimits({ url: config.REDIS_URL, log })
