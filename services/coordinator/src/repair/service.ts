import type { TaskRecord } from '@agentfleet/domain'
import { createLoops } from '../loops.ts'
import type { PartDeps } from '../deps.ts'
import { expireTask } from '../reports/cancel.ts'
import { createDeadlines } from './deadlines.ts'
import { createPointerRepair } from './pointers.ts'
import { createRetries } from './retries.ts'

/** Finds what should have followed from an event and did not, and does it (L8); nothing before `start`. */
export function createRepair(deps: PartDeps) {
  const { tasks, metrics, timing } = deps
  const retries = createRetries(deps, () => metrics.issued.inc())
  const deadlines = createDeadlines(deps, (record) => expireTask(deps, record))
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
    /** Adds every unfinished task; call it when the log has been followed. */
    begin(): void {
      // The first sweep compares all pointers.
      for (const record of tasks.records()) {
        deadlines.note(record)
        retries.note(record)
      }
    },
    /** Handles the record after an event that the follower has read. */
    receive(record: TaskRecord): void {
      if (record.seq === record.submittedSeq) deadlines.note(record)
      retries.note(record)
      pointers.note(record)
    },
  }
}
