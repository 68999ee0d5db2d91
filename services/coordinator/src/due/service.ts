import type { Bus, Schedules, Store, TaskLog, TaskSubmitter } from '@agentfleet/adapters'
import { isTerminal, type Spawned, type TaskRecord, type Timing } from '@agentfleet/domain'
import type { ApproveReply } from '@agentfleet/protocol'
import type { Clock, Logger, Service } from '@agentfleet/runtime'
import type { TaskTable } from '../follower/task-table.ts'
import { createLoops } from '../loops.ts'
import { createReadingWatch } from '../reading-watch.ts'
import type { Cancel } from '../reports/cancel.ts'
import type { Issuer } from '../repair/issue.ts'
import { approve, type ApproveRequest } from './approvals.ts'
import { createChildren } from './children.ts'
import { createScheduler } from './schedules.ts'
import { createWaits } from './waits.ts'

/**
 * Does what has come due: ends waits, creates and cancels children, and runs schedules. Every
 * coordinator does all of it; compare-and-set and derived ids make each thing happen once (L1, L2).
 */
export interface Due extends Service {
  /** Examines every waiting task; call it when the log has been followed. */
  begin(): void
  /** Handles the record after an event that the follower has read. */
  receive(record: TaskRecord): void
  /** Handles an end event that was just appended. */
  ended(taskId: string): void
  /** Creates the children that an event announced. */
  make(parent: TaskRecord, event: Spawned): Promise<void>
  approve(request: ApproveRequest): Promise<ApproveReply['kind']>
}

interface DueDeps {
  readonly bus: Pick<Bus, 'connected'>
  /** Ends this process. */
  readonly giveUp: (reason: string) => void
  readonly tasks: TaskTable
  readonly taskLog: TaskLog
  readonly store: Store
  readonly submitter: TaskSubmitter
  readonly schedules: Schedules
  readonly issuer: Issuer
  readonly cancel: Cancel
  readonly clock: Clock
  /** The time of the log. */
  readonly nowMs: () => number
  readonly log: Logger
  readonly timing: Pick<Timing, 'waitsEveryMs' | 'childrenEveryMs' | 'followAfterMs' | 'logStuckMs'>
  readonly followed: () => boolean
  /** How many share the fleet. */
  readonly tenants: () => number
}

/** Milliseconds between checks; the precision of delayed starts. */
const DUE_EVERY_MS = 100
/** Milliseconds between checks; the precision of ticks. */
const SCHEDULES_EVERY_MS = 250

/** Creates the due part; it does nothing before `start`. */
export function createDue(deps: DueDeps): Due {
  const { log, timing } = deps
  const children = createChildren(deps)
  const waits = createWaits(deps)
  const scheduler = createScheduler(deps)
  const watch = createReadingWatch(deps, {
    name: 'schedules-reading',
    reason: 'schedules-not-read',
    message: 'The coordinator cannot read the schedules; the process ends',
    stuckForMs: scheduler.stuckForMs,
  })
  const loops = createLoops(deps, [
    { name: 'due', everyMs: DUE_EVERY_MS, run: async () => waits.due() },
    { name: 'schedules', everyMs: SCHEDULES_EVERY_MS, run: async () => scheduler.tick() },
    // The follower handles each end event as it reads it; these two sweeps repair what was missed.
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
          log.warn(
            { err: error, taskId: record.taskId },
            'The coordinator could not cancel the children of an ended task; it tries again in its next round',
          ),
        )
    },
    ended: waits.ended,
    make: children.make,
    approve: (request) => approve(deps, request),
    async start() {
      scheduler.start()
      await watch.start()
      await loops.start()
    },
    async drain(deadlineMs) {
      await Promise.all([watch.drain(deadlineMs), loops.drain(deadlineMs)])
      waits.close()
      await scheduler.close()
    },
    ready() {
      const reading = watch.ready?.() ?? { ok: true }
      return reading.ok ? (loops.ready?.() ?? { ok: true }) : reading
    },
  }
}
