import type { Logger, LogTail, Schedules, TaskLog, TaskSubmitter } from '@agentfleet/adapters'
import { decideTick, isTerminalEvent, type Schedule, type ScheduleRun } from '@agentfleet/domain'
import { tickTaskId } from '@agentfleet/protocol'
import { Cron } from 'croner'

/**
 * Fires schedules. Each coordinator follows stream SCHEDULES and does what is due; the id of a tick's
 * task follows from tenant, schedule and tick, so however many do it, and however often, the tick
 * has one task (L1). A tick is noted after its task is stored: a coordinator that dies in between
 * leaves it to the next one, which finds the task there.
 */
export interface Scheduler {
  start(): void
  /** Looks at every schedule that is due. */
  tick(signal: AbortSignal): Promise<void>
  size(): number
  close(): Promise<void>
}

interface Entry {
  readonly tenant: string
  readonly name: string
  schedule: Schedule | undefined
  cron: Cron | undefined
  run: ScheduleRun | undefined
  runSeq: number
  /** Not looked at before. */
  dueAtMs: number
}

const APPEND_WITHIN_MS = 4_000
/** What could not be settled is looked at again after this, milliseconds. */
const AGAIN_AFTER_MS = 1_000

/** Fires schedules with these means. */
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
      schedule: undefined,
      cron: undefined,
      run: undefined,
      runSeq: 0,
      dueAtMs: 0,
    }
    entries.set(key, made)
    return made
  }

  const remove = (tenant: string, name: string, seq: number): void => {
    entries.delete(`${tenant}/${name}`)
    // What stays behind is small and is seen as removed again at the next start.
    void schedules.forget(tenant, name, seq).catch(() => undefined)
  }

  const openTask = async (taskId: string | undefined): Promise<boolean> => {
    if (taskId === undefined) return false
    const last = await taskLog.last(taskId)
    return last !== undefined && !isTerminalEvent(last.event)
  }

  const submit = async ({ tenant, name }: Entry, schedule: Schedule, tickMs: number) => {
    const taskId = tickTaskId(tenant, name, tickMs)
    const outcome = await submitter.submit({
      taskId,
      tenant,
      spec: schedule.spec,
      atMs: nowMs(),
      keyed: true,
      deadlineMs: APPEND_WITHIN_MS,
    })
    if (outcome.kind === 'unknown' || outcome.kind === 'full') return undefined
    return taskId
  }

  const note = async (entry: Entry, run: ScheduleRun): Promise<void> => {
    const outcome = await schedules.noteRun(entry.tenant, entry.name, run, entry.runSeq)
    if (outcome === 'stored') entry.run = run
    // After a conflict the tail brings what somebody else noted.
    entry.dueAtMs = outcome === 'stored' ? 0 : nowMs() + AGAIN_AFTER_MS
  }

  const look = async (entry: Entry): Promise<void> => {
    const { schedule, cron, run, tenant, name } = entry
    if (schedule === undefined || cron === undefined) return
    const nextAfter = (atMs: number) => cron.nextRun(new Date(atMs))?.getTime()
    const lastOpen = schedule.overlap === 'skip' && (await openTask(run?.taskId))
    const decision = decideTick(schedule, run, nextAfter, lastOpen, nowMs())
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
        log.info({ tenant, schedule: name, tickMs }, 'tick skipped, the last task still runs')
        return
      }
      case 'submit': {
        const { tickMs, reason } = decision
        const taskId = await submit(entry, schedule, tickMs)
        if (taskId === undefined) entry.dueAtMs = nowMs() + AGAIN_AFTER_MS
        else await note(entry, { tickMs, taskId, skipped: false, atMs: nowMs() })
        log.info({ tenant, schedule: name, tickMs, taskId, reason }, 'tick')
      }
    }
  }

  return {
    start() {
      tail ??= schedules.follow((change) => {
        if (change.kind === 'removed') return remove(change.tenant, change.name, change.seq)
        if (change.kind === 'ran') {
          const entry = entryOf(change.tenant, change.name)
          entry.run = change.run
          entry.runSeq = change.seq
          entry.dueAtMs = 0
          return
        }
        const { tenant, name, schedule } = change.stored
        const entry = entryOf(tenant, name)
        entry.schedule = schedule
        entry.cron = cronOf(schedule)
        entry.dueAtMs = 0
      }, log)
    },
    async tick(signal) {
      const now = nowMs()
      for (const entry of entries.values()) {
        if (signal.aborted) return
        if (entry.dueAtMs > now) continue
        entry.dueAtMs = now + AGAIN_AFTER_MS
        await look(entry).catch((error: unknown) =>
          log.warn({ err: error, schedule: entry.name }, 'schedule not looked at yet'),
        )
      }
    },
    size: () => entries.size,
    async close() {
      await tail?.close()
    },
  }
}

/** The gateway has checked both; what cannot be read all the same never fires. */
function cronOf({ cron, timeZone }: Schedule): Cron | undefined {
  try {
    return new Cron(cron, { timezone: timeZone, paused: true })
  } catch {
    return undefined
  }
}
