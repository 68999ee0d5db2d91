import type {
  Logger,
  LogTail,
  Schedules,
  ScheduleTimes,
  TaskLog,
  TaskSubmitter,
} from '@agentfleet/adapters'
import { decideTick, isTerminalEvent, type ScheduleRun } from '@agentfleet/domain'
import { tickTaskId } from '@agentfleet/protocol'
import { Cron } from 'croner'
import { APPEND_WITHIN_MS } from '../log-limits.ts'
import { createInTurn } from './in-turn.ts'

/**
 * Runs schedules. Each coordinator follows the stream SCHEDULES and runs what is due. The id of a
 * tick's task follows from tenant, schedule and tick, so a tick gets one task no matter how many
 * coordinators run it (L1). A coordinator notes a tick after it has stored the task; if it dies in
 * between, the next one finds the task and notes the tick. If tasks must not overlap, it notes the tick before
 * as well, because the next one would submit a later tick while this task runs. Invariants (L7): at most PARALLEL schedules are examined
 * at once, and tenants take turns, so a tenant with many schedules delays none of another; a coordinator keeps
 * the times of schedules and never their tasks, which together may take more memory than it has.
 */
interface Scheduler {
  start(): void
  /** Starts to examine every schedule that is due. */
  tick(): void
  close(): Promise<void>
}

interface Entry {
  readonly tenant: string
  readonly name: string
  times: ScheduleTimes | undefined
  run: ScheduleRun | undefined
  runSeq: number
  /** The time before which the schedule is not examined again. */
  dueAtMs: number
  /** Whether it waits to be examined, or is examined now. */
  busy: boolean
}

/** Schedules examined at once: enough to hide the round trips to the log. */
const PARALLEL = 16
/** Milliseconds until an unsettled schedule is examined again. */
const AGAIN_AFTER_MS = 1_000

/** Creates the scheduler. */
export function createScheduler(deps: {
  readonly schedules: Schedules
  readonly taskLog: TaskLog
  readonly submitter: TaskSubmitter
  readonly log: Logger
  readonly nowMs: () => number
}): Scheduler {
  const { schedules, taskLog, submitter, log, nowMs } = deps
  const entries = new Map<string, Entry>()
  let tail: LogTail | undefined

  const entryOf = (tenant: string, name: string): Entry => {
    const key = `${tenant}/${name}`
    const known = entries.get(key)
    if (known !== undefined) return known
    const made: Entry = {
      tenant,
      name,
      times: undefined,
      run: undefined,
      runSeq: 0,
      dueAtMs: 0,
      busy: false,
    }
    entries.set(key, made)
    return made
  }

  const remove = (tenant: string, name: string, seq: number): void => {
    entryOf(tenant, name).times = undefined
    entries.delete(`${tenant}/${name}`)
    // If this fails, a small record stays in the stream; the next start recognizes it as deleted.
    void schedules.forget(tenant, name, seq).catch(() => undefined)
  }

  const openTask = async (taskId: string | undefined): Promise<boolean> => {
    if (taskId === undefined) return false
    const last = await taskLog.last(taskId)
    return last !== undefined && !isTerminalEvent(last.event)
  }

  /** Returns false if the task is not stored, or if the schedule has changed, which the tail will say. */
  const submit = async ({ tenant, name, times }: Entry, taskId: string): Promise<boolean> => {
    const { schedule } = await schedules.get(tenant, name)
    if (schedule === undefined || schedule.atMs !== times?.atMs) return false
    const outcome = await submitter.submit({
      taskId,
      tenant,
      spec: schedule.spec,
      atMs: nowMs(),
      keyed: true,
      deadlineMs: APPEND_WITHIN_MS,
    })
    return outcome.kind !== 'unknown' && outcome.kind !== 'full'
  }

  /** Returns whether the note is stored. */
  const note = async (entry: Entry, run: ScheduleRun): Promise<boolean> => {
    const outcome = await schedules.noteRun(entry.tenant, entry.name, run, entry.runSeq)
    const isStored = outcome.kind === 'stored'
    if (isStored) Object.assign(entry, { run, runSeq: outcome.seq })
    // After a conflict the tail delivers what another coordinator noted.
    entry.dueAtMs = isStored ? 0 : nowMs() + AGAIN_AFTER_MS
    return isStored
  }

  const look = async (entry: Entry): Promise<void> => {
    const { times, run, tenant, name } = entry
    const cron = times === undefined ? undefined : cronOf(times)
    if (times === undefined || cron === undefined) return
    const nextAfter = (atMs: number) => cron.nextRun(new Date(atMs))?.getTime()
    const lastOpen = times.overlap === 'skip' && (await openTask(run?.taskId))
    const decision = decideTick(times, run, nextAfter, lastOpen, nowMs())
    switch (decision.kind) {
      case 'rest':
        entry.dueAtMs = Infinity
        return
      case 'wait':
        entry.dueAtMs = decision.untilMs
        return
      case 'skip': {
        const { tickMs } = decision
        const before = run?.taskId === undefined ? {} : { taskId: run.taskId }
        await note(entry, { tickMs, skipped: true, atMs: nowMs(), ...before })
        log.info(
          { tenant, schedule: name, tickMs },
          'The coordinator skipped one submission of a schedule because the previous task has not ended',
        )
        return
      }
      case 'submit': {
        const { tickMs, reason } = decision
        const taskId = tickTaskId(tenant, name, tickMs)
        const tick = { tickMs, taskId, skipped: false }
        if (times.overlap === 'skip' && reason !== 'pending') {
          if (!(await note(entry, { ...tick, pending: true, atMs: nowMs() }))) return
        }
        if (!(await submit(entry, taskId))) {
          entry.dueAtMs = nowMs() + AGAIN_AFTER_MS
          log.warn(
            { tenant, schedule: name, tickMs },
            'The coordinator could not submit the task of a schedule; it tries again',
          )
          return
        }
        await note(entry, { ...tick, atMs: nowMs() })
        log.info(
          { tenant, schedule: name, tickMs, taskId, reason },
          'The coordinator submitted the task of a schedule',
        )
      }
    }
  }

  const due = createInTurn<Entry>(PARALLEL, async (entry) => {
    await look(entry).catch((error: unknown) =>
      log.warn(
        { err: error, schedule: entry.name },
        'The coordinator could not check a schedule; it tries again',
      ),
    )
    entry.busy = false
  })

  return {
    start() {
      tail ??= schedules.follow((change) => {
        if (change.kind === 'removed') return remove(change.tenant, change.name, change.seq)
        const entry = entryOf(change.tenant, change.name)
        entry.dueAtMs = 0
        if (change.kind === 'ran') {
          entry.run = change.run
          entry.runSeq = change.seq
          // The coordinator that noted it submits its task now.
          if (change.run.pending === true) entry.dueAtMs = nowMs() + AGAIN_AFTER_MS
        } else entry.times = change.times
      }, log)
    },
    tick() {
      const now = nowMs()
      for (const entry of entries.values()) {
        if (entry.dueAtMs > now || entry.busy) continue
        entry.dueAtMs = now + AGAIN_AFTER_MS
        entry.busy = true
        due.add(entry.tenant, entry)
      }
    },
    async close() {
      due.close()
      await tail?.close()
    },
  }
}

/** Parses the expression; the gateway has checked it. A schedule that still cannot be parsed never runs. */
function cronOf({ cron, timeZone }: ScheduleTimes): Cron | undefined {
  try {
    return new Cron(cron, { timezone: timeZone, paused: true })
  } catch {
    return undefined
  }
}
