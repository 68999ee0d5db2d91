export { createBatcher, BatcherError } from './batcher.ts'
export type { Batcher, BatcherOptions } from './batcher.ts'
export { manualClock, systemClock } from './clock.ts'
export type { Clock, ManualClock } from './clock.ts'
export { createClosers } from './closers.ts'
export type { Closers, ClosersOwner } from './closers.ts'
export {
  ConfigError,
  decimal,
  envNames,
  host,
  integer,
  list,
  loadConfig,
  notEmpty,
  oneOf,
  secret,
  text,
  url,
  withRules,
} from './config.ts'
export type { Env, NumberOptions } from './config.ts'
export { settleWithin } from './deadline.ts'
export { adviserEnv, baseEnv, consulEnv, natsEnv, prices, redisEnv } from './env.ts'
export type { BaseConfig, TokenPrice } from './env.ts'
export { createLogger, logLevels } from './logger.ts'
export type { Logger, LoggerOptions, LogLevel } from './logger.ts'
export { every } from './loop.ts'
export type { LoopOptions } from './loop.ts'
export { createRegistry, metricsOf } from './metrics.ts'
export type { Counter, Gauge, Histogram, Labels, Metrics, Registry } from './metrics.ts'
export { runService } from './run-service.ts'
export type { Discovery, Need, Needs, ServiceContext, ServiceDefinition } from './run-service.ts'
export { createSlices } from './slices.ts'
export type { Address, Closable, Readiness, Service } from './service.ts'
