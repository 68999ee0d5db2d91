export { createBatcher, type BatcherOptions } from './batcher.ts'
export { manualClock, systemClock, type Clock, type ManualClock } from './clock.ts'
export { createClosers, type Closers, type ClosersOwner } from './closers.ts'
export { ConfigError } from './config-error.ts'
export {
  decimal,
  envNames,
  headerSecret,
  holdsCredentials,
  host,
  integer,
  isLoopback,
  isSendable,
  list,
  loadConfig,
  notEmpty,
  oneOf,
  secret,
  signingSecret,
  text,
  UNSENDABLE,
  url,
  withRules,
  type Env,
} from './config.ts'
export { settleWithin } from './deadline.ts'
export {
  adviserEnv,
  baseEnv,
  consulEnv,
  natsEnv,
  prices,
  redisEnv,
  type BaseConfig,
} from './env.ts'
export { parseInSlices, type PartParser } from './slices/json-slices.ts'
export { createLogger, logLevels, type Logger, type LogLevel } from './logger.ts'
export { every, type LoopOptions } from './loop.ts'
export {
  createRegistry,
  metricsOf,
  type Counter,
  type Gauge,
  type Histogram,
  type Labels,
  type Metrics,
  type Registry,
} from './metrics.ts'
export { runService, type Discovery, type Needs, type ServiceContext } from './run-service.ts'
export { createSlices, inParallel } from './slices/slices.ts'
export type { Address, Closable, Readiness, Service } from './service.ts'
export { startThread } from './threads/thread.ts'
