import type { Schedules, Store, TaskLog, TaskSubmitter } from '@agentfleet/adapters'
import { isTerminal, type Spawned, type TaskRecord, type Timing } from '@agentfleet/domain'
import type { ApproveReply } from '@agentfleet/protocol'
import type { Clock, Logger, Service } from '@agentfleet/runtime'
import type { TaskTable } from '../follower/task-table.ts'
import { createLoops } from '../loops.ts'
import type { EndingDeps } from '../reports/cancel.ts'
import type { Issuer } from '../repair/issue.ts'
import { createChildren } from './children.ts'
import { createScheduler } from './schedules.ts'
import { createWaits, type ApproveRequest } from './waits.ts'

/**
 * The part that does what has come due: it ends waits, makes and cancels children, and fires
 * schedules. Any number of coordinators does all of it; compare-and-set and ids that follow from the
 * cause let each thing happen once (L1, L2).
 */
export interface Due extends Service {
  /** The log has been followed: every waiting task is looked at. */
  begin(): void
  /** Takes note of the record after an event that the follower has read. */
  receive(record: TaskRecord): void
  /** Takes note of an ending that was appended just now. */
  ended(taskId: string): void
  /** Makes the children that an event announced. */
  make(parent: TaskRecord, event: Spawned): Promise<void>
  approve(request: ApproveRequest): Promise<ApproveReply['kind']>
}

/** What doing due things needs. */
export interface DueDeps {
  readonly tasks: TaskTable
  readonly taskLog: TaskLog
  readonly store: Store
  readonly submitter: TaskSubmitter
  readonly schedules: Schedules
  readonly issuer: Issuer
  readonly endings: EndingDeps
  readonly clock: Clock
  /** The time of the log. */
  readonly nowMs: () => number
  readonly log: Logger
  readonly timing: Pick<Timing, 'waitsEveryMs' | 'childrenEveryMs' | 'followAfterMs'>
  readonly followed: () => boolean
}

/** Delayed tasks start this precisely, milliseconds. */
const DUE_EVERY_MS = 100
/** Ticks are this precise, milliseconds. */
const SCHEDULES_EVERY_MS = 250

/** Creates the part; nothing is due before `start`. */
export function createDue(deps: DueDeps): Due {
  const { log, timing } = deps
  const children = createChildren(deps)
  const waits = createWaits(deps)
  const scheduler = createScheduler(deps)
  const loops = createLoops(deps, [
    { name: 'due', everyMs: DUE_EVERY_MS, run: async () => waits.due() },
    {
      name: 'schedules',
      everyMs: SCHEDULES_EVERY_MS,
      run: scheduler.tick,
      runDeadlineMs: 60_000,
    },
    // What follows from endings is done as they are read; the two sweeps find what was not.
    { name: 'waits', everyMs: timing.waitsEveryMs, run: async () => waits.sweep() },
    {
      name: 'children',
      everyMs: timing.childrenEveryMs,
      run: children.sweep,
      runDeadlineMs: 60_000,
    },
  ])

  return {
    begin: waits.begin,
    receive(record) {
      waits.followed(record)
      if (!isTerminal(record.state) || record.children.length === 0) return
      void children
        .parentEnded(record)
        .catch((error: unknown) =>
          log.warn({ err: error, taskId: record.taskId }, 'children not cancelled yet'),
        )
    },
    ended: waits.ended,
    make: children.make,
    approve: waits.approve,
    async start() {
      scheduler.start()
      await loops.start()
    },
    async drain(deadlineMs) {
      await loops.drain(deadlineMs)
      waits.close()
      await scheduler.close()
    },
    ready: () => loops.ready?.() ?? { ok: true },
  }
}
