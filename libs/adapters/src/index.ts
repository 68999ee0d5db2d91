export { openIdentities, type Identities } from './identity/identities.ts'
export { answerLogins, type HandleLogin } from './identity/logins.ts'
export { createAppender } from './log/appends.ts'
export { busAddress, connectBus, type Bus, type BusOptions } from './bus/bus.ts'
export type { Answer } from './bus/answers.ts'
export type { Channels } from './bus/channels.ts'
export type { Packed } from './bus/codec.ts'
export { askToDrain } from './bus/drain.ts'
export type { BusMessage } from './bus/wire.ts'
export { createFleetClock, openFleetClock, type FleetClock } from './log/fleet-clock.ts'
export { tailLog, type TailedEvent } from './log/log-tail.ts'
export type { Logger } from '@agentfleet/runtime'
export { openOps, type Ops, type Recorded } from './ops/ops.ts'
export { tailOps, type OpsEntry } from './ops/ops-tail.ts'
export { openAgents, type Agents, type StoredAgent } from './definitions/agents.ts'
export { openKeys, type Keys, type StoredKey } from './definitions/keys.ts'
export { openAuditLog, type AuditLog, type StoredAuditEvent } from './definitions/audit-log.ts'
export { connectCallerLimits, type CallerLimits, type Drawn } from './limits/caller-limits.ts'
export { openPointerConsumers, type PointerConsumers } from './pointers/pointer-consumers.ts'
export { createOlderPointers, type OlderPointers } from './pointers/older-pointers.ts'
export { oldestPointerAtMs } from './pointers/queue-reads.ts'
export { openPointers, type Pointers } from './pointers/pointers.ts'
export {
  connectProviderLimits,
  type BudgetReserved,
  type ProviderLimits,
  type ReserveAsk,
  type Reserved,
  type Settlement,
  type Touched,
} from './limits/provider-limits.ts'
export { requireKnownFormats } from './log/formats.ts'
export { missingStreams, provisionStreams } from './log/provision.ts'
export { ackForNodes, openPointerAcks, type PointerAcks } from './pointers/acks.ts'
export { ack, createPuller, type PulledMessage, type Puller } from './pointers/pull.ts'
export * as needs from './needs.ts'
export type { Leadership, LeadOptions } from './registry/leadership.ts'
export { connectRegistry, type Registry } from './registry/registry.ts'
export {
  openSchedules,
  type ScheduleChange,
  type Schedules,
  type ScheduleTimes,
} from './definitions/schedules.ts'
export { type CountGroup, type TaskCounts } from './store/counts.ts'
export { type FoundTask, type SearchQuery } from './store/search.ts'
export { connectStore, type InflightNote, type Store } from './store/store.ts'
export {
  readMessage,
  streamFill,
  streamMessages,
  streamSubjects,
  type StreamFill,
} from './log/stream-reads.ts'
export { removeEvents, scanLog } from './log/log-scan.ts'
export type { StreamTail } from './log/stream-tail.ts'
export {
  createLogFill,
  createTaskSubmitter,
  LOG_FILL_EVERY_MS,
  type LogFill,
  type TaskSubmitter,
} from './log/submit.ts'
export { openTaskLog, type AppendOutcome, type StoredEvent, type TaskLog } from './log/task-log.ts'
export {
  connectUsageTotals,
  type DayGroups,
  type DayUsage,
  type UsageGrouping,
  type UsageEntry,
  type UsageTotals,
} from './store/usage-totals.ts'
