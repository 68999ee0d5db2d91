import type { Bus, Pointers, TaskLog } from '@agentfleet/adapters'
import type { TaskRecord, Timing } from '@agentfleet/domain'
import type { Clock, Logger, Service } from '@agentfleet/runtime'
import type { TaskTable } from '../follower/task-table.ts'
import { createLoops } from '../loops.ts'
import type { CoordinatorMetrics } from '../metrics.ts'
import { expireTask, type EndingDeps } from '../reports/cancel.ts'
import { createDeadlines } from './deadlines.ts'
import type { Issuer } from './issue.ts'
import { createPointerRepair } from './pointers.ts'
import { createRetries } from './retries.ts'

/** Finds what should have followed from an event and did not, and does it (L8). */
export interface Repair extends Service {
  /** Adds every unfinished task; call it when the log has been followed. */
  begin(): void
  /** Handles the record after an event that the follower has read. */
  receive(record: TaskRecord): void
}

interface RepairDeps {
  readonly bus: Bus
  readonly tasks: TaskTable
  readonly taskLog: TaskLog
  readonly pointers: Pointers
  readonly issuer: Issuer
  readonly endings: EndingDeps
  readonly clock: Clock
  /** The time of the log. */
  readonly nowMs: () => number
  readonly log: Logger
  readonly metrics: Pick<CoordinatorMetrics, 'issued' | 'expired'>
  readonly timing: Timing
  readonly followed: () => boolean
  /** How many share the fleet. */
  readonly tenants: () => number
  /** Checks the claims of nodes on runs. */
  readonly claimKey: string
}

/** Creates the repair part; it repairs nothing before `start`. */
export function createRepair(deps: RepairDeps): Repair {
  const { tasks, metrics, endings, timing } = deps
  const retries = createRetries({ ...deps, issued: () => metrics.issued.inc() })
  const deadlines = createDeadlines({ ...deps, expire: (record) => expireTask(endings, record) })
  const pointers = createPointerRepair(deps)
  const loops = createLoops(deps, [
    { name: 'retries', everyMs: timing.retriesEveryMs, run: async () => retries.run() },
    {
      name: 'deadlines',
      everyMs: timing.deadlinesEveryMs,
      run: async () => metrics.expired.inc(await deadlines.run()),
    },
    {
      name: 'pointers',
      everyMs: timing.pointersEveryMs,
      run: async (signal) => metrics.issued.inc((await pointers.sweep(signal)).issued),
      runDeadlineMs: 120_000,
    },
  ])
  return {
    ...loops,
    begin() {
      // The first sweep compares all pointers.
      for (const record of tasks.records()) {
        deadlines.note(record)
        retries.note(record)
      }
    },
    receive(record) {
      if (record.seq === record.submittedSeq) deadlines.note(record)
      retries.note(record)
      pointers.note(record)
    },
  }
}
