/** The connections of services, as needs of the runtime: each reads its variables and connects. */
import type { ServiceName } from '@agentfleet/protocol'
import type { ServiceContext } from '@agentfleet/runtime'
import { connectServiceBus, type Bus, type ServiceBusEnv } from './bus/bus.ts'
import { createMetrics } from './metrics.ts'
import { connectCallerLimits } from './limits/caller-limits.ts'
import { connectProviderLimits } from './limits/provider-limits.ts'
import { connectRegistry, type Registry } from './registry/registry.ts'
import type { RedisOptions } from './store/redis.ts'
import { connectStore } from './store/store.ts'
import { connectUsageTotals } from './store/usage-totals.ts'

type Connecting<C> = Pick<ServiceContext<C>, 'config' | 'log'>
type TlsEnv<S extends string> = {
  readonly [Name in `${S}_${'CA' | 'CERT' | 'KEY'}_FILE`]?: string | undefined
}
type RedisEnv = TlsEnv<'REDIS'> & { readonly REDIS_URL: string }
type ConsulEnv = TlsEnv<'CONSUL'> & {
  readonly CONSUL_URL: string
  readonly CONSUL_TOKEN?: string | undefined
}

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

/** Consul: who is there, and who leads. */
export const discovery = ({ config, log }: Connecting<ConsulEnv>): Registry =>
  connectRegistry({
    url: config.CONSUL_URL,
    token: config.CONSUL_TOKEN,
    tls: {
      caFile: config.CONSUL_CA_FILE,
      certFile: config.CONSUL_CERT_FILE,
      keyFile: config.CONSUL_KEY_FILE,
    },
    log,
  })

const onRedis =
  <T>(connect: (options: RedisOptions) => Promise<T>) =>
  ({ config, log }: Connecting<RedisEnv>): Promise<T> =>
    connect({
      url: config.REDIS_URL,
      tls: {
        caFile: config.REDIS_CA_FILE,
        certFile: config.REDIS_CERT_FILE,
        keyFile: config.REDIS_KEY_FILE,
      },
      log,
    })

/** The records of tasks in Redis. */
export const store = onRedis(connectStore)

/** The totals of usage in Redis. */
export const usage = onRedis(connectUsageTotals)

/** The limits of providers that all nodes share, in Redis. */
export const providerLimits = onRedis(connectProviderLimits)

/** The limits of keys that all gateways share, and tickets, in Redis. */
export const callerLimits = onRedis(connectCallerLimits)
