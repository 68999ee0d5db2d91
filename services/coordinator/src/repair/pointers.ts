import type { Bus, Logger, Pointers, TaskLog } from '@agentfleet/adapters'
import { decideRepair, isTerminalEvent, type TaskRecord, type Timing } from '@agentfleet/domain'
import { CHANNELS, TASK_ID_PATTERN } from '@agentfleet/protocol'
import { createDueTimes } from '../due/due-times.ts'
import type { TaskTable } from '../follower/task-table.ts'
import { inParallel } from './in-parallel.ts'
import type { Issuer } from './issue.ts'

/**
 * Issues missing pointers and removes left-over ones (L8).
 *
 * A task that was just made runnable is looked up by its own pointer once it is no longer young, so
 * surplus pointers of other tasks hide nothing. All pointers are listed and compared now and then, and
 * at once when there are fewer than tasks need: that finds what was lost later. Everything here may be
 * done twice, by several coordinators at once.
 */
export interface PointerRepair {
  /** Takes note of the record after an event: a task that became runnable must have a pointer. */
  note(record: TaskRecord): void
  sweep(signal: AbortSignal): Promise<{ issued: number; removed: number }>
}

/** What putting pointers right needs. */
export interface PointerRepairDeps {
  readonly bus: Bus
  readonly tasks: TaskTable
  readonly pointers: Pointers
  readonly taskLog: TaskLog
  readonly issuer: Issuer
  readonly log: Logger
  readonly timing: Pick<Timing, 'followAfterMs' | 'listPointersEveryMs'>
  readonly nowMs: () => number
}

/** Pointers looked up one by one in a sweep; a listing of all is cheaper than more of them. */
const LOOK_UP_MAX = 1_000
/** A listing of all pointers takes at most this share of the server's time: one part in so many. */
const LISTING_SHARE = 20
/** Ids of a question to the nodes: about 40 kB. */
const QUESTION_MAX = 1_000
/** A node that lives answers within this, even a busy one, milliseconds. */
const ANSWERS_WITHIN_MS = 250

/** Puts the pointers of the tasks in this table right. */
export function createPointerRepair(deps: PointerRepairDeps): PointerRepair {
  const { tasks, pointers, taskLog, issuer, log, timing, nowMs } = deps
  const unconfirmed = createDueTimes()
  let listedAtMs = -Infinity
  let listingTookMs = 0
  // Tasks whose pointer is gone and that a node runs all the same: nothing to repair.
  let runningWithout = 0
  let straysBefore: ReadonlySet<string> = new Set()

  const needs = (record: TaskRecord, hasPointer: boolean, now: number): boolean =>
    decideRepair(record, hasPointer, timing, now).kind === 'issue-pointer'

  /** Issues the pointers of these tasks; how many it issued and how many tasks run without one. */
  const issueMissing = async (
    missing: readonly TaskRecord[],
    signal: AbortSignal,
  ): Promise<{ issued: number; running: number }> => {
    const runs = await whoRuns(deps.bus, missing)
    const done = await inParallel(missing, async (record) => {
      // A pointer issued now would take the task from its node and pay for its calls again.
      if (signal.aborted || (runs.get(record.taskId) ?? -1) >= record.seq) return false
      const last = await taskLog.last(record.taskId)
      if (last === undefined || isTerminalEvent(last.event)) return false
      return issuer.once(record)
    })
    // The load balancer that started it makes its pointer a moment later, if it lives.
    for (const taskId of runs.keys()) unconfirmed.add(taskId, nowMs() + timing.followAfterMs)
    return { issued: done.filter(Boolean).length, running: runs.size }
  }

  const lookUp = async (taskIds: readonly string[], signal: AbortSignal): Promise<number> => {
    const now = nowMs()
    const records = taskIds.flatMap((taskId) => tasks.get(taskId) ?? [])
    const looked = await inParallel(
      records.filter((record) => needs(record, false, now)),
      async (record) => {
        const { taskId, tenant, spec } = record
        const has = async (queue: 'running' | typeof spec.priority): Promise<boolean> =>
          pointers.has(queue, tenant, taskId)
        return (await has(spec.priority)) || (await has('running')) ? [] : [record]
      },
    )
    // It may have moved from one queue to the other between the two looks: the second one counts.
    const missing = looked.flat().filter(({ taskId }) => tasks.get(taskId) !== undefined)
    return missing.length === 0 ? 0 : (await issueMissing(missing, signal)).issued
  }

  const orphanEnded = async (taskId: string): Promise<boolean> => {
    if (!TASK_ID_PATTERN.test(taskId)) return false
    const record = await taskLog.record(taskId)
    const last = await taskLog.last(taskId)
    if (record === undefined || last === undefined || !isTerminalEvent(last.event)) return false
    return pointers.remove(record.spec.priority, record.tenant, taskId)
  }

  const compareAll = async (signal: AbortSignal): Promise<{ issued: number; removed: number }> => {
    const now = nowMs()
    listedAtMs = now
    const present = await pointers.taskIds()
    listingTookMs = nowMs() - now
    const missing: TaskRecord[] = []
    for (const record of tasks.records()) {
      if (needs(record, present.has(record.taskId), now)) missing.push(record)
    }
    const { issued, running } = await issueMissing(missing, signal)
    runningWithout = running
    // A pointer without an unfinished task is mostly one whose ack, or whose event, is on its way.
    const strays = new Set([...present].filter((taskId) => tasks.get(taskId) === undefined))
    const orphans = [...strays].filter((taskId) => straysBefore.has(taskId))
    straysBefore = strays
    const gone = await inParallel(orphans, (taskId) =>
      signal.aborted ? Promise.resolve(false) : orphanEnded(taskId),
    )
    return { issued, removed: gone.filter(Boolean).length }
  }

  /** Whether there are fewer pointers than tasks that must have one. */
  const tooFew = async (): Promise<boolean> => {
    const count = await pointers.count()
    return count + runningWithout < tasks.runnable() - unconfirmed.size()
  }

  return {
    note({ taskId, state, updatedAtMs, retryAtMs = updatedAtMs }) {
      if (state === 'queued') unconfirmed.add(taskId, updatedAtMs + timing.followAfterMs)
      if (state === 'retrying') unconfirmed.add(taskId, retryAtMs + timing.followAfterMs)
    },
    async sweep(signal) {
      // Who issued a pointer has announced its queue; a lost announcement is repeated here (L6).
      pointers.announce(tasks.queues())
      const now = nowMs()
      const looked = unconfirmed.takeDue(now, LOOK_UP_MAX)
      const sinceMs = now - listedAtMs
      const mayList = sinceMs >= listingTookMs * LISTING_SHARE
      const due = sinceMs >= timing.listPointersEveryMs || looked.length === LOOK_UP_MAX
      const all = mayList && (due || (await tooFew()))
      const done = all
        ? await compareAll(signal)
        : { issued: await lookUp(looked, signal), removed: 0 }
      if (done.issued + done.removed > 0) log.info(done, 'pointers put right')
      return done
    },
  }
}

/** Which of these tasks some node runs, with the token of the run; silence is no. */
async function whoRuns(bus: Bus, records: readonly TaskRecord[]): Promise<Map<string, number>> {
  const runs = new Map<string, number>()
  for (let start = 0; start < records.length; start += QUESTION_MAX) {
    const taskIds = records.slice(start, start + QUESTION_MAX).map(({ taskId }) => taskId)
    for (const answer of await bus.gather(CHANNELS.runs, { taskIds }, ANSWERS_WITHIN_MS)) {
      for (const { taskId, token } of answer.runs) {
        runs.set(taskId, Math.max(token, runs.get(taskId) ?? 0))
      }
    }
  }
  return runs
}
