import type { Bus, Logger, Pointers, TaskLog } from '@agentfleet/adapters'
import {
  deadlineAtMs,
  decideRepair,
  isTerminalEvent,
  type TaskRecord,
  type Timing,
} from '@agentfleet/domain'
import { CHANNELS, reissuedPointer, TASK_ID_PATTERN, type TenantQueue } from '@agentfleet/protocol'
import type { TaskTable } from '../follower/task-table.ts'

/**
 * The follower's hands (L8): what follows from an event and has not been done, it does. It issues
 * pointers that are due or missing, ends tasks whose time is over, and takes back pointers of tasks
 * that have ended. Everything here may be done twice, by several coordinators at once.
 */
export interface RepairDeps {
  readonly bus: Bus
  readonly tasks: TaskTable
  readonly pointers: Pointers
  readonly taskLog: TaskLog
  readonly log: Logger
  readonly expire: (record: TaskRecord) => Promise<void>
  readonly timing: Pick<Timing, 'followAfterMs' | 'listPointersEveryMs'>
  readonly nowMs: () => number
}

/** What one sweep did. */
export interface Repair {
  /** Retries that are due; cheap, called often. */
  retries(): Promise<number>
  /** Deadlines that are over. */
  deadlines(): Promise<number>
  /** Compares unfinished tasks with pointers; lists all pointers only when something may miss. */
  pointers(signal: AbortSignal): Promise<{ issued: number; removed: number }>
}

const PARALLEL = 200
/** Ids of a question to the nodes: about 40 kB. */
const QUESTION_MAX = 1_000
/** A node that lives answers within this, even a busy one, milliseconds. */
const ANSWERS_WITHIN_MS = 250

/** Creates the three sweeps. */
export function createRepair(deps: RepairDeps): Repair {
  const { tasks, pointers, log, timing, nowMs } = deps
  let fullAtMs = 0
  // Tasks whose pointer is gone and that a node runs all the same: nothing to repair.
  let runningWithout = 0
  const issuing = new Set<string>()
  let straysBefore: ReadonlySet<string> = new Set()

  const issue = async (record: TaskRecord, reason: string): Promise<boolean> => {
    if (issuing.has(record.taskId)) return false
    issuing.add(record.taskId)
    try {
      const outcome = await pointers.issueSurely(reissuedPointer(record), record.spec.priority)
      return outcome === 'issued'
    } catch (error) {
      log.warn({ err: error, taskId: record.taskId, reason }, 'pointer not issued yet')
      return false
    } finally {
      issuing.delete(record.taskId)
    }
  }

  const orphanEnded = async (taskId: string): Promise<boolean> => {
    if (!TASK_ID_PATTERN.test(taskId)) return false
    const record = await deps.taskLog.record(taskId)
    const last = await deps.taskLog.last(taskId)
    if (record === undefined || last === undefined || !isTerminalEvent(last.event)) return false
    return pointers.remove(record.spec.priority, record.tenant, taskId)
  }

  return {
    async retries() {
      const due = [...tasks.retrying()].flatMap((taskId) => {
        const record = tasks.get(taskId)
        if (record === undefined) return []
        return decideRepair(record, undefined, timing, nowMs()).kind === 'issue-pointer'
          ? [record]
          : []
      })
      const issued = await inParallel(due, (record) => issue(record, 'retry-due'))
      return issued.filter(Boolean).length
    },

    async deadlines() {
      const now = nowMs()
      const over = [...tasks.records()].filter((record) => now >= deadlineAtMs(record))
      await inParallel(over, deps.expire)
      return over.length
    },

    async pointers(signal) {
      const now = nowMs()
      const settled = [...tasks.records()].filter(
        ({ state, updatedAtMs }) =>
          state !== 'retrying' && state !== 'waiting' && now - updatedAtMs >= timing.followAfterMs,
      )
      // Whoever issued a pointer has announced its queue; a lost word is said again here (L6).
      pointers.announce(queuesOf(settled))
      const count = await pointers.count()
      const complete = count + runningWithout >= settled.length
      if (complete && now - fullAtMs < timing.listPointersEveryMs) return { issued: 0, removed: 0 }
      fullAtMs = now
      const present = await pointers.taskIds()
      const missing = settled.filter(
        (record) =>
          decideRepair(record, present.has(record.taskId), timing, now).kind === 'issue-pointer' &&
          tasks.get(record.taskId) !== undefined,
      )
      const runs = await whoRuns(deps.bus, missing)
      runningWithout = runs.size
      const done = await inParallel(missing, async (record) => {
        // A pointer issued now would take the task from its node and pay for its calls again.
        if (signal.aborted || (runs.get(record.taskId) ?? -1) >= record.seq) return false
        const last = await deps.taskLog.last(record.taskId)
        if (last === undefined || isTerminalEvent(last.event)) return false
        return issue(record, 'pointer-missing')
      })
      const issued = done.filter(Boolean).length
      // A pointer without an unfinished task is mostly one whose ack, or whose event, is on its way.
      const strays = new Set([...present].filter((taskId) => tasks.get(taskId) === undefined))
      const orphans = [...strays].filter((taskId) => straysBefore.has(taskId))
      straysBefore = strays
      const gone = await inParallel(orphans, (taskId) =>
        signal.aborted ? Promise.resolve(false) : orphanEnded(taskId),
      )
      const removed = gone.filter(Boolean).length
      if (issued + removed > 0) log.info({ issued, removed }, 'pointers put right')
      return { issued, removed }
    },
  }
}

/** The queues in which these tasks have their pointers, if not in that of running ones. */
function queuesOf(records: readonly TaskRecord[]): Iterable<TenantQueue> {
  const queues = new Map<string, TenantQueue>()
  for (const { tenant, spec } of records) {
    const { priority } = spec
    const key = `${priority}.${tenant}`
    if (!queues.has(key)) queues.set(key, { tenant, priority })
  }
  return queues.values()
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

async function inParallel<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += PARALLEL) {
    results.push(...(await Promise.all(items.slice(start, start + PARALLEL).map(run))))
  }
  return results
}
