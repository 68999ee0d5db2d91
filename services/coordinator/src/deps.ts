import type {
  Bus,
  LogFill,
  Pointers,
  Schedules,
  Store,
  TaskLog,
  TaskSubmitter,
  UsageTotals,
} from '@agentfleet/adapters'
import type { TaskSeries, TenantLimits, Timing } from '@agentfleet/domain'
import type { Clock, Logger, Service } from '@agentfleet/runtime'
import type { EndedTasks, Retention } from './follower/ended-tasks.ts'
import type { TenantHoldings } from './follower/holdings.ts'
import type { TenantShares } from './follower/shares.ts'
import type { TaskTable } from './follower/task-table.ts'
import type { CoordinatorMetrics } from './metrics.ts'
import type { Issuer } from './repair/issue.ts'

/** Dependencies of a coordinator. */
export interface CoordinatorDeps extends Retention {
  readonly bus: Bus
  readonly taskLog: TaskLog
  readonly pointers: Pointers
  readonly schedules: Schedules
  readonly store: Store
  readonly usage: UsageTotals
  /** The metadata keys by which usage is counted. */
  readonly metadataKeys: readonly string[]
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: CoordinatorMetrics
  /** Lets nodes connect; without it they are users of the server's own. */
  readonly vouching?: Service
  /** Makes the streams and consumers of the fleet that NATS does not have; without it none is made while it runs. */
  readonly provision?: () => Promise<void>
  /** Ends this process, with the reason; its supervisor starts another process. */
  readonly giveUp: (reason: string) => void
  /** Proves which node was given which task. */
  readonly claimKey: string
  readonly timing: Timing
  readonly limits: TenantLimits
}

/** What the parts of a coordinator share; each part names what it uses. */
export interface PartDeps extends CoordinatorDeps {
  readonly tasks: TaskTable
  readonly holdings: TenantHoldings
  readonly endedTasks: EndedTasks
  readonly series: TaskSeries
  readonly shares: TenantShares
  readonly issuer: Issuer
  readonly logFill: LogFill
  readonly submitter: TaskSubmitter
  /** The time of the log, or of this process before the first reading. */
  readonly nowMs: () => number
  /** The time of the log; undefined if it is not known yet. */
  readonly logMs: () => number | undefined
  /** How many tenants share the fleet. */
  readonly tenants: () => number
  /** Whether the log has been read to its end; before that no part acts. */
  readonly followed: () => boolean
}
