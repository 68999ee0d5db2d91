import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import { createLoops, together } from '../loops.ts'
import type { PartDeps } from '../deps.ts'
import { createReadingWatch } from '../reading-watch.ts'
import type { Cancel } from '../reports/cancel.ts'
import { approve, type ApproveRequest } from './approvals.ts'
import { createChildren } from './children.ts'
import { createScheduler } from './schedules.ts'
import { createWaits } from './waits.ts'

/** Milliseconds between checks; the precision of delayed starts. */
const DUE_EVERY_MS = 100
/** Milliseconds between checks; the precision of ticks. */
const SCHEDULES_EVERY_MS = 250

/**
 * Does what has come due: ends waits, creates and cancels children, and runs schedules; nothing before `start`. Every
 * coordinator does all of it; compare-and-set and derived ids make each thing happen once (L1, L2).
 */
export function createDue(deps: PartDeps & { readonly cancel: Cancel }) {
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

  const running = together([watch, loops])

  return {
    /** Examines every waiting task; call it when the log has been followed. */
    begin: waits.begin,
    /** Handles the record after an event that the follower has read. */
    receive(record: TaskRecord): void {
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
    /** Handles an end event that was just appended. */
    ended: waits.ended,
    /** Creates the children that an event announced. */
    make: children.make,
    approve: (request: ApproveRequest) => approve(deps, request),
    async start(): Promise<void> {
      scheduler.start()
      await running.start()
    },
    async drain(deadlineMs: number): Promise<void> {
      await running.drain(deadlineMs)
      waits.close()
      await scheduler.close()
    },
    ready: running.ready,
  }
}
