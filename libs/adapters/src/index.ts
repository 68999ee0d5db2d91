export { createAppender, type Append, type Appender, type PubAck } from './appends.ts'
export {
  connectBus,
  connectServiceBus,
  type Bus,
  type BusMessage,
  type BusOptions,
  type Reply,
} from './bus.ts'
export { openCluster, type Cluster, type ClusterAsk, type ClusterTarget } from './kubernetes.ts'
export { tailLog, type LogTail, type TailedEvent } from './log-tail.ts'
export type { Logger } from './logger.ts'
export { openOps, type Ops, type RecordedDecision } from './ops.ts'
export { tailOps, type OpsEntry, type OpsTail } from './ops-tail.ts'
export { openAgents, type Agents, type StoredAgent } from './agents.ts'
export { openPointerConsumers, type PointerConsumers } from './pointer-consumers.ts'
export { openPointers, pointerBacklog, type Pointers } from './pointers.ts'
export {
  CALL_LEASE_MS,
  connectProviderLimits,
  type BudgetAsk,
  type BudgetLimitName,
  type ProviderLimits,
  type ReserveAsk,
  type Reserved,
  type Settlement,
  type Touched,
  type TouchedKey,
} from './provider-limits.ts'
export { provisionStreams, type StreamSizes } from './provision.ts'
export { ack, createPuller, type PulledMessage, type Puller, type PullOptions } from './pull.ts'
export type { Leadership, LeadOptions } from './leadership.ts'
export { connectRegistry, type Registry } from './registry.ts'
export {
  openSchedules,
  type ScheduleChange,
  type Schedules,
  type StoredSchedule,
} from './schedules.ts'
export { connectStore, type Store } from './store.ts'
export { readMessage, streamFill, streamSubjects, type StreamFill } from './stream-reads.ts'
export { openTaskLog, type AppendOutcome, type StoredEvent, type TaskLog } from './task-log.ts'
export {
  connectUsageTotals,
  type DayUsage,
  type UsageEntry,
  type UsageTotals,
} from './usage-totals.ts'
