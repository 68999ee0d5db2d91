import type { Bus, Pointers, TaskLog } from '@agentfleet/adapters'
import type { Timing } from '@agentfleet/domain'
import type { Clock, Logger, Service } from '@agentfleet/runtime'
import type { TaskTable } from '../follower/task-table.ts'
import { createLoops } from '../loops.ts'
import type { CoordinatorMetrics } from '../metrics.ts'
import { expireTask, type EndingDeps } from '../reports/cancel.ts'
import { createRepair } from './repair.ts'

/** What repairing needs. */
export interface RepairServiceDeps {
  readonly bus: Bus
  readonly tasks: TaskTable
  readonly taskLog: TaskLog
  readonly pointers: Pointers
  readonly endings: EndingDeps
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Pick<CoordinatorMetrics, 'issued' | 'expired'>
  readonly timing: Timing
  readonly followed: () => boolean
}

/** The part that finds what should have followed from an event and did not, and does it (L8). */
export function createRepairService(deps: RepairServiceDeps): Service {
  const { metrics, endings, clock, timing } = deps
  const repair = createRepair({
    ...deps,
    expire: (record) => expireTask(endings, record),
    nowMs: clock.nowMs,
  })
  return createLoops(deps, [
    {
      name: 'retries',
      everyMs: timing.retriesEveryMs,
      run: async () => metrics.issued.inc(await repair.retries()),
    },
    {
      name: 'deadlines',
      everyMs: timing.deadlinesEveryMs,
      run: async () => metrics.expired.inc(await repair.deadlines()),
    },
    {
      name: 'pointers',
      everyMs: timing.pointersEveryMs,
      run: async (signal) => metrics.issued.inc((await repair.pointers(signal)).issued),
      runDeadlineMs: 120_000,
    },
  ])
}
